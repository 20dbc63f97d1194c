/**
 * What the build hands out: a policy that lets nothing out, files that ask nobody else for anything, and a first load
 * that is small because engine and 3D render are chunks of their own.
 */
import { describe, expect, test } from 'vitest';
import {
  builtFiles,
  builtText,
  eagerFiles,
  packedSize,
  policy,
  withImports,
  workerFiles,
} from './support/built.ts';

/** What each directive may allow at most, and why it must. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'default-src': ["'none'"],
  // Code is the folder's own; WebAssembly is compiled from bytes that were fetched or written here.
  'script-src': ["'self'", "'wasm-unsafe-eval'"],
  // Components set the style attributes of elements that they place.
  'style-src': ["'self'", "'unsafe-inline'"],
  // Pictures that were made on the page.
  'img-src': ["'self'", 'blob:', 'data:'],
  'font-src': ["'self'", 'data:'],
  // Files of the folder, and what the page has in memory. Neither scheme leaves the machine.
  'connect-src': ["'self'", 'blob:', 'data:'],
  'worker-src': ["'self'", 'blob:'],
  'base-uri': ["'none'"],
  'form-action': ["'none'"],
};

/** Addresses that stand in the code of libraries and are never asked for. */
const NEVER_FETCHED: Readonly<Record<string, string>> = {
  'http://www.w3.org/': 'names of XML namespaces',
  'https://git-lfs': 'how a file begins that stands for another in Git LFS',
  'https://github.com/niivue/niivue': 'the package.json of NiiVue',
  'https://github.com/manzt/zarrita.js/issues': 'in an error message of Zarrita, which NiiVue brings',
  'https://github.com/cornerstonejs/dicomParser': 'in an error message of dicomParser',
  'https://rolldown.rs/': 'in an error message of the bundler',
  'https://web.dev/cross-origin-isolation-guide/': 'in a warning of ONNX Runtime',
  // Comments in NiiVue's shaders, which are texts.
  'https://stackoverflow.com/questions/': 'a comment',
  'https://gamedev.stackexchange.com/questions/': 'a comment',
  'https://math.stackexchange.com/questions/': 'a comment',
  'https://en.wikipedia.org/wiki/': 'a comment',
  'https://webglfundamentals.org/webgl/': 'a comment',
  'https://bgolus.medium.com/': 'a comment',
  'http://www.aclockworkberry.com/': 'a comment',
  'https://github.com/eskimoblood/processingSketches/': 'a comment',
};

const FOREIGN = /\b(?:https?|wss?|ftp):\/\/[^\s"'`<>\\)]*/g;
const texts = builtFiles().filter((file) => /\.(html|m?js|css|json|svg|map)$/.test(file));

describe('the built folder', () => {
  test('has a policy that names no origin but its own', () => {
    const found = policy();
    expect(found.get('default-src')).toEqual(["'none'"]);
    for (const directive of ['script-src', 'connect-src', 'worker-src', 'base-uri', 'form-action'])
      expect([directive, found.has(directive)]).toEqual([directive, true]);
    const wider = [...found].flatMap(([directive, sources]) =>
      sources
        .filter((source) => !ALLOWED[directive]?.includes(source))
        .map((source) => `${directive} ${source}`),
    );
    expect(wider).toEqual([]);
  });

  test('refers to no other origin', () => {
    const foreign = texts.flatMap((file) =>
      [...builtText(file).matchAll(FOREIGN)]
        .map(([address]) => address)
        .filter((address) => !Object.keys(NEVER_FETCHED).some((prefix) => address.startsWith(prefix)))
        .map((address) => `${file}: ${address}`),
    );
    expect(foreign).toEqual([]);
  });

  test('has no address in its list of harmless ones that is gone', () => {
    const all = texts.map(builtText).join('\n');
    expect(Object.keys(NEVER_FETCHED).filter((prefix) => !all.includes(prefix))).toEqual([]);
  });

  test('refers to its own files by relative addresses, so that it works wherever it is put', () => {
    const absolute = [...builtText('index.html').matchAll(/(?:src|href)="(\/[^"]*)"/g)].map(
      ([, path]) => path,
    );
    expect(absolute).toEqual([]);
    expect(eagerFiles().filter((file) => !builtFiles().includes(file))).toEqual([]);
  });

  test('is under 1.5 MB at first load, packed and without the engine’s WebAssembly', () => {
    const engine = builtFiles().filter((file) => /^ort\/.*\.mjs$/.test(file));
    const files = [...new Set([...eagerFiles(), ...withImports(workerFiles()), ...engine])];
    const sizes = files.map((file) => [file, packedSize(file)] as const);
    const total = sizes.reduce((sum, [, size]) => sum + size, 0);
    console.log(
      [...sizes, ['all', total] as const]
        .map(([file, size]) => `${(size / 1024).toFixed(1).padStart(8)} kB  ${file}`)
        .join('\n'),
    );
    expect(total).toBeLessThan(1.5e6);
  });

  /** A word of a library that survives minifying, and where it must not be. */
  test.each([
    ['the engine', 'ort-wasm-simd-threaded'],
    ['the 3D render', 'createNiftiArray'],
  ])('keeps %s out of what the page loads at once', (_, word) => {
    const holders = builtFiles().filter(
      (file) => /^assets\/.*\.js$/.test(file) && builtText(file).includes(word),
    );
    expect(holders.length).toBeGreaterThan(0);
    expect(holders.filter((file) => eagerFiles().includes(file))).toEqual([]);
  });

  test('keeps case and engine in workers of their own', () => {
    expect(workerFiles().length).toBeGreaterThanOrEqual(2);
    expect(workerFiles().filter((file) => eagerFiles().includes(file))).toEqual([]);
  });
});
