/**
 * The built folder as a browser finds it: what index.html asks for at once, what that asks for in turn, and what comes
 * only when somebody wants it. Read from the files themselves, so that it holds for whatever made them.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { parseHTML } from 'linkedom';

export const BUILT = fileURLToPath(new URL('../../../../dist/app/', import.meta.url));

/** Paths in the folder, with slashes, sorted. */
export function builtFiles(): string[] {
  return readdirSync(BUILT, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(BUILT.length).replaceAll('\\', '/'))
    .sort();
}

export const builtText = (file: string) => readFileSync(join(BUILT, file), 'utf8');

/** Size as a server that packs would send it. */
export const packedSize = (file: string) => gzipSync(readFileSync(join(BUILT, file))).length;

export function indexPage(): Document {
  return parseHTML(builtText('index.html')).document;
}

/** The policy of index.html, by directive. */
export function policy(): Map<string, readonly string[]> {
  const content = indexPage()
    .querySelector('meta[http-equiv="Content-Security-Policy"]')
    ?.getAttribute('content');
  const directives = (content ?? '').split(';').map((directive) => directive.trim().split(/\s+/));
  return new Map(directives.filter(([name]) => name).map(([name, ...sources]) => [name, sources]));
}

/** What a module asks for before it runs: `import … from "./x.js"` and `import "./x.js"`, but not `import(…)`. */
export function staticImports(file: string): string[] {
  const pattern = /(?:\bfrom|\bimport)\s*["'](\.{1,2}\/[^"']+)["']/g;
  return [...builtText(file).matchAll(pattern)].map(([, path]) => posix.join(posix.dirname(file), path));
}

/** These files, and all that they ask for statically. */
export function withImports(files: readonly string[]): string[] {
  const found = new Set<string>();
  const visit = (file: string) => {
    if (found.has(file)) return;
    found.add(file);
    if (/\.m?js$/.test(file)) for (const next of staticImports(file)) visit(next);
  };
  for (const file of files) visit(file);
  return [...found];
}

/** index.html and what it asks for before anything is shown. */
export function eagerFiles(): string[] {
  const page = indexPage();
  const sources = [...page.querySelectorAll('script[src], link[href]')]
    .map((element) => element.getAttribute('src') ?? element.getAttribute('href') ?? '')
    .filter((source) => !source.startsWith('data:'));
  return withImports(['index.html', ...sources.map((source) => posix.normalize(source))]);
}

/** Chunks of workers, by what they are called in src/app. */
export function workerFiles(): string[] {
  return builtFiles().filter((file) => /(^|\/)worker-[\w-]+\.js$/.test(file));
}

/** The worker whose object answers to a method. */
export function workerOf(method: string): string {
  const [file] = workerFiles().filter((name) => new RegExp(`\\b${method}\\b`).test(builtText(name)));
  if (!file) throw new Error(`No worker has a method ${method}.`);
  return file;
}
