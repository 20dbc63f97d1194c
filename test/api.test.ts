/** The public exports of both entries: a change of the interface is a change of this snapshot, and of CHANGELOG.md. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import * as node from '../src/node.ts';
import { VERSION } from '../src/version.ts';
import * as web from '../src/web.ts';

describe('public interface', () => {
  it('of the entry for Node', () => {
    expect(Object.keys(node).sort()).toMatchSnapshot();
  });

  it('is the same in the browser, but for crews, which are threads of Node', () => {
    expect([...Object.keys(web), 'openCrew'].sort()).toEqual(Object.keys(node).sort());
  });

  it('speaks of the version in package.json', () => {
    const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
    expect(VERSION).toBe(version);
  });
});
