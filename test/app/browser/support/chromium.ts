/**
 * The browser that these tests and the benches beside them drive: a Chromium that the machine has, never one that is
 * downloaded. It may speak to 127.0.0.1 and to nobody else, whatever a page asks for.
 */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const CANDIDATES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', 'google-chrome', 'chromium'];

/** Path of the browser, from the variable CHROMIUM or from where systems put it. */
export const CHROMIUM = process.env.CHROMIUM ?? CANDIDATES.map(whereIs).find((path) => path !== undefined);

/** To be put behind the title of tests that skip for want of it. */
export const withoutChromium = CHROMIUM ? '' : ' (skipped: no Chromium here; its path goes into CHROMIUM)';

const FLAGS = [
  'no-sandbox',
  'disable-quic',
  'no-first-run',
  'disable-background-networking',
  'disable-component-update',
  'disable-sync',
  // Nothing but this machine has an address.
  'host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost',
];

/** WebGPU without a graphics card: SwiftShader. Right, and some hundred times slower than one. */
const SOFTWARE_GPU = ['enable-unsafe-webgpu', 'use-webgpu-adapter=swiftshader'];

/** Starts it. Without `webgpu` the page finds no adapter. */
export function launch({ webgpu = false, flags = [] as readonly string[] } = {}): Promise<Browser> {
  if (!CHROMIUM) throw new Error('There is no Chromium on this machine; give its path in CHROMIUM.');
  const all = [...FLAGS, ...(webgpu ? SOFTWARE_GPU : []), ...flags];
  return chromium.launch({ executablePath: CHROMIUM, args: all.map((flag) => `--${flag}`) });
}

function whereIs(name: string): string | undefined {
  if (name.startsWith('/')) return existsSync(name) ? name : undefined;
  try {
    return execFileSync('which', [name], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  } catch {
    return undefined;
  }
}
