/**
 * The rooms of the house and the way data walks through them: bytes → volume → slices → response → reconstruction →
 * heatmap → numbers → pages. Imports go downward only, and what runs in a browser knows nothing of Node.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

/** From the bottom to the top; a room may import itself and what stands before it. */
const rooms = [
  'wasm',
  'volume',
  'formats',
  'geometry',
  'onnx',
  'runtime',
  'encoders',
  'responses',
  'reconstruction',
  'evaluation',
  'training',
  'datasets',
  'report',
  'cli',
  'app',
];
/** Beside the rooms: what everyone may use, and the entries that use everything. */
const foundations = ['errors.ts', 'version.ts'];
const entries = ['index.ts', 'node.ts', 'web.ts'];
/** Rooms and files that belong to one platform. */
const nodeOnly = [/^cli\//, /^runtime\/node(-\w+)*\.ts$/, /^node\.ts$/];

const root = fileURLToPath(new URL('../src/', import.meta.url));
const files = readdirSync(root, { recursive: true, encoding: 'utf8' })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => /\.tsx?$/.test(file) && !file.endsWith('.d.ts'));

/** Every module specifier a file imports or re-exports from, types included. */
function importsOf(file: string): string[] {
  const text = readFileSync(root + file, 'utf8');
  const patterns = [
    /^(?:import|export)\b[^;]*?\bfrom\s+'([^']+)'/gms,
    /^import\s+'([^']+)'/gm,
    /\bimport\('([^']+)'\)/g,
  ];
  return patterns.flatMap((pattern) => [...text.matchAll(pattern)].map(([, specifier]) => specifier));
}

function resolveImport(file: string, specifier: string): string {
  return new URL(specifier, `file:///${file}`).pathname.slice(1);
}

const level = (file: string) => rooms.indexOf(file.split('/')[0]);

describe('architecture', () => {
  it('has no file outside the rooms but the entries and the foundations', () => {
    const strays = files.filter((file) => level(file) < 0 && ![...foundations, ...entries].includes(file));
    expect(strays).toEqual([]);
  });

  it('imports go downward only', () => {
    const upward: string[] = [];
    for (const file of files.filter((candidate) => !entries.includes(candidate))) {
      for (const specifier of importsOf(file).filter((name) => name.startsWith('.'))) {
        const target = resolveImport(file, specifier);
        if (foundations.includes(target)) continue;
        if (foundations.includes(file) || level(target) < 0 || level(target) > level(file)) {
          upward.push(`${file} → ${target}`);
        }
      }
    }
    expect(upward).toEqual([]);
  });

  it('only the command line and the Node runtime import Node’s modules or onnxruntime-node', () => {
    const strangers = files
      .filter((file) => !nodeOnly.some((pattern) => pattern.test(file)))
      .filter((file) =>
        importsOf(file).some((name) => name.startsWith('node:') || name === 'onnxruntime-node'),
      );
    expect(strangers).toEqual([]);
  });

  it('only runtime/ imports an engine', () => {
    const users = files.filter((file) => importsOf(file).some((name) => name.startsWith('onnxruntime-')));
    expect(users.every((file) => file.startsWith('runtime/'))).toBe(true);
    expect(users.length).toBeGreaterThan(0);
  });

  it('has no circular imports between files', () => {
    const graph = new Map(
      files.map((file) => [
        file,
        importsOf(file)
          .filter((name) => name.startsWith('.'))
          .map((name) => resolveImport(file, name)),
      ]),
    );
    const done = new Set<string>();
    const circles: string[] = [];
    const visit = (file: string, path: string[]) => {
      if (path.includes(file)) circles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      if (done.has(file) || path.includes(file)) return;
      for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(circles).toEqual([]);
  });
});
