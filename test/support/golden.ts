import { readFileSync } from 'node:fs';

/** Golden arrays of an independent PyTorch program; see test/fixtures/golden/golden.json for its conventions. */
const folder = new URL('../fixtures/golden/', import.meta.url);

export const golden = JSON.parse(readFileSync(new URL('golden.json', folder), 'utf8')) as {
  D: number;
  H: number;
  W: number;
  L: number;
  M: number;
  hS: number;
  wS: number;
  angle: number;
  area: number;
  scale: number;
  arrays: Record<string, { shape: number[]; absmax: number }>;
};

export function goldenArray(name: string): Float32Array<ArrayBuffer> {
  const bytes = readFileSync(new URL(`${name}.bin`, folder));
  return new Float32Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength));
}
