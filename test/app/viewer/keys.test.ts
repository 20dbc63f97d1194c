/** The table of keys: no key means two things, and planes' keys do nothing elsewhere. */
import { describe, expect, it } from 'vitest';
import { actionOf, KEYS } from '../../../src/app/viewer/keys.ts';

const press = (key: string, ctrl = false) => ({ key, ctrlKey: ctrl, metaKey: false, altKey: false });

describe('keys', () => {
  it('mean one thing each', () => {
    const all = KEYS.flatMap(({ keys, ctrl }) => keys.map((key) => `${ctrl ? 'Ctrl ' : ''}${key}`));
    expect(new Set(all).size).toBe(all.length);
  });

  it('are all found in the table', () => {
    for (const { action, keys, ctrl } of KEYS) {
      for (const key of keys) expect(actionOf(press(key, ctrl), true)).toBe(action);
    }
  });

  it('of a plane scroll the page elsewhere', () => {
    expect(actionOf(press('ArrowDown'), true)).toBe('down');
    expect(actionOf(press('ArrowDown'), false)).toBeUndefined();
    expect(actionOf(press(' '), false)).toBeUndefined();
    expect(actionOf(press('n'), false)).toBe('next-lesion');
  });

  it('with Ctrl or ⌘ take back, and leave the browser its own', () => {
    expect(actionOf(press('z', true), false)).toBe('undo');
    expect(actionOf({ ...press('z'), metaKey: true }, false)).toBe('undo');
    expect(actionOf(press('z'), false)).toBe('zoom-in');
    expect(actionOf(press('r', true), true)).toBeUndefined();
    expect(actionOf({ ...press('a'), altKey: true }, true)).toBeUndefined();
  });
});
