/** Tiny cohorts on the disk, and trainings of them that take seconds. */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BinaryReader } from '@bufbuild/protobuf/wire';
import { expect } from 'vitest';
import { crc32c } from '../../src/formats/tensorboard.ts';
import { createVolume, type Shape, type Volume } from '../../src/volume/volume.ts';
import { writeVolume } from './volumes.ts';

const SIDE = 12;
export const COHORT_SHAPE: Shape = [SIDE, SIDE, SIDE];

/** A ball of noise, with something bright in it where it is positive; no two indices alike. */
export function blobVolume(index: number, positive: boolean, channels = 1): Volume {
  let state = (index + 1) * 7919;
  const noise = () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return state / 2 ** 31;
  };
  const data = new Float32Array(channels * SIDE ** 3);
  for (let i = 0; i < data.length; i++) {
    const [d, h, w] = [Math.floor(i / SIDE ** 2) % SIDE, Math.floor(i / SIDE) % SIDE, i % SIDE];
    const body = Math.hypot(d - 5.5, h - 5.5, w - 5.5) < 5 ? 1 : 0;
    const bright = positive && Math.hypot(d - 4 - (index % 3), h - 6, w - 5) < 2.2 ? 4 : 0;
    data[i] = noise() + body + bright;
  }
  return createVolume(data, COHORT_SHAPE, { channels });
}

export interface CohortOptions {
  readonly train?: number;
  readonly validation?: number;
  /** Files of each case. */
  readonly files?: number;
  /** Headers of the columns of labels; every second case is positive for the first, every third for the second. */
  readonly labels?: readonly string[];
}

/** Writes images and cohort.csv. @returns the path of the table. */
export async function writeTinyCohort(folder: string, options: CohortOptions = {}): Promise<string> {
  const { train = 6, validation = 4, files = 1, labels = ['label'] } = options;
  mkdirSync(join(folder, 'images'), { recursive: true });
  const rows = [`case,patient,split,${labels.join()},image`];
  const names = [
    ...Array.from({ length: train }, (_, i) => ['train', i] as const),
    ...Array.from({ length: validation }, (_, i) => ['validation', i] as const),
  ];
  for (const [index, [split, i]] of names.entries()) {
    const images: string[] = [];
    for (let file = 0; file < files; file++) {
      const image = `images/${split}-${i + 1}${'abc'[file - 1] ?? ''}.nii.gz`;
      await writeVolume(join(folder, image), blobVolume(index + 100 * file, i % 2 === 0));
      images.push(image);
    }
    const row = labels.map((_, k) => (i % (k + 2) === 0 ? 1 : 0));
    rows.push([`${split}-${i + 1}`, '', split, ...row, images.join(';')].join());
  }
  const table = join(folder, 'cohort.csv');
  writeFileSync(table, `${rows.join('\n')}\n`);
  return table;
}

/** A network that learns something within seconds on one core. */
export const TINY_NETWORK = ['--width', 0.125, '--size', 32] as const;
export const TINY_STEPS = ['--volumes', 2, '--slices', 4, '--lr', 1e-3, '--threads', 1] as const;
export const TINY_VALIDATION = ['--validation-directions', 2, '--validation-slices', 6] as const;
export const TINY = [...TINY_NETWORK, ...TINY_STEPS, ...TINY_VALIDATION];

export const readJson = (...path: string[]) => JSON.parse(readFileSync(join(...path), 'utf8'));

/** The lines of metrics.jsonl. */
export function metricsOf(run: string): Record<string, number>[] {
  const text = readFileSync(join(run, 'metrics.jsonl'), 'utf8');
  expect(text === '' || text.endsWith('\n')).toBe(true);
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line));
}

/** The scalars in the one event file of a run, as TensorBoard would read them: step and value by tag. */
export function eventsOf(run: string): { step: number; scalars: Record<string, number> }[] {
  const [name, ...others] = readdirSync(run).filter((file) => file.includes('tfevents'));
  expect(others).toEqual([]);
  const file = readFileSync(join(run, name));
  const events: { step: number; scalars: Record<string, number> }[] = [];
  const version: string[] = [];
  for (let at = 0; at < file.length; ) {
    const length = Number(file.readBigUInt64LE(at));
    const data = file.subarray(at + 12, at + 12 + length);
    expect(file.readUInt32LE(at + 8)).toBe(masked(crc32c(file.subarray(at, at + 8))));
    expect(file.readUInt32LE(at + 12 + length)).toBe(masked(crc32c(data)));
    at += 16 + length;
    const event = { step: 0, scalars: {} as Record<string, number> };
    const reader = new BinaryReader(data);
    while (reader.pos < reader.len) {
      const [no, type] = reader.tag();
      if (no === 2) event.step = Number(reader.int64());
      else if (no === 3) version.push(reader.string());
      else if (no === 5) readSummary(reader.bytes(), event.scalars);
      else reader.skip(type, no);
    }
    events.push(event);
  }
  expect(version).toEqual(['brain.Event:2']);
  return events.slice(1);
}

function readSummary(bytes: Uint8Array, scalars: Record<string, number>): void {
  const reader = new BinaryReader(bytes);
  while (reader.pos < reader.len) {
    reader.tag();
    const value = new BinaryReader(reader.bytes());
    let tag = '';
    while (value.pos < value.len) {
      const [no, type] = value.tag();
      if (no === 1) tag = value.string();
      else if (no === 2) scalars[tag] = value.float();
      else value.skip(type, no);
    }
  }
}

function masked(crc: number): number {
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** What a run must end with however often it was cut short: the hash of each file, and the events' scalars. */
export function resultsOf(run: string): object {
  const checkpoint = readdirSync(join(run, 'checkpoint')).sort();
  const [tensors] = checkpoint.filter((name) => name.endsWith('.safetensors'));
  const files = ['encoder.onnx', 'encoder-last.onnx', 'metrics.jsonl', join('checkpoint', tensors)];
  const { logs, ...state } = readJson(run, 'checkpoint', 'state.json');
  return {
    checkpoint,
    state,
    metricsLength: logs['metrics.jsonl'],
    events: eventsOf(run),
    bytes: Object.fromEntries(files.map((file) => [file, hash(readFileSync(join(run, file)))])),
  };
}

function hash(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
