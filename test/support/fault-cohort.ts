/** A cohort in memory, clean unless it is spoiled: the text of its table and what is in its files. */

import { checkCohort, checkTable, inOrder } from '../../src/datasets/checks/battery.ts';
import type { Finding } from '../../src/datasets/checks/check.ts';
import { type FileFacts, type FileFault, measureVolume } from '../../src/datasets/checks/facts.ts';
import { gatherCohort } from '../../src/datasets/checks/gather.ts';
import { readTable } from '../../src/datasets/cohort-table.ts';
import { createVolume, type Geometry, type Shape, type Volume } from '../../src/volume/volume.ts';

export interface FaultCohort {
  header: string[];
  /** Cells of each case. */
  rows: string[][];
  files: Map<string, { volume: Volume; notFinite?: number } | { faults: FileFault[] }>;
}

export const SHAPE: Shape = [4, 5, 6];

/** Millimetres along x, y, z on the diagonal. */
export function diagonal(x: number, y: number, z: number, shift = 0): Geometry {
  return { affine: [x, 0, 0, shift, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1] };
}

/** Noise that no two seeds share. */
export function noiseVolume(
  seed: number,
  { channels = 1, shape = SHAPE, geometry = diagonal(1, 1, 2), gain = 1 } = {},
): Volume {
  let state = (seed + 1) * 7919;
  const data = Float32Array.from({ length: channels * shape[0] * shape[1] * shape[2] }, () => {
    state = (state * 1103515245 + 12345) % 2 ** 31;
    return gain * (state / 2 ** 31);
  });
  return createVolume(data, shape, { channels, geometry });
}

/** Eight cases of two files, the second of two channels; masks of all, empty where the label is 0. */
export function cleanCohort(): FaultCohort {
  const cohort: FaultCohort = {
    header: ['case', 'patient', 'split', 'label', 'image', 'mask', 'box'],
    rows: [],
    files: new Map(),
  };
  for (let i = 0; i < 8; i++) addCase(cohort, i, i < 4 ? 'train' : 'validation', (i + 1) % 2);
  return cohort;
}

/** One more case, c9 of patient p9. */
export function addCase(cohort: FaultCohort, i: number, split: string, label: number): void {
  const [a, b, mask] = [`a${i}.nii`, `b${i}.nii`, `m${i}.nii`];
  cohort.rows.push([`c${i}`, `p${i}`, split, String(label), `${a};${b}`, mask, '']);
  cohort.files.set(a, { volume: noiseVolume(3 * i) });
  cohort.files.set(b, { volume: noiseVolume(3 * i + 1, { channels: 2 }) });
  cohort.files.set(mask, { volume: maskVolume(label) });
}

/** @param marked voxels that are 1. */
export function maskVolume(marked: number, geometry = diagonal(1, 1, 2)): Volume {
  const data = new Float32Array(SHAPE[0] * SHAPE[1] * SHAPE[2]);
  return createVolume(data.fill(1, 7, 7 + marked), SHAPE, { geometry });
}

export const cells = ({ rows }: FaultCohort, name: string): string[] => {
  const row = rows.find(([own]) => own === name);
  if (!row) throw new Error(`There is no case ${name}.`);
  return row;
};

export const textOf = ({ header, rows }: FaultCohort): string =>
  [header, ...rows].map((row) => row.join()).join('\n');

export function factsOf({ files }: FaultCohort, path: string, role: FileFacts['role']): FileFacts {
  const file = files.get(path);
  if (!file) throw new Error(`There is no file ${path}.`);
  if ('faults' in file) return { path, role, faults: file.faults };
  return { path, role, faults: [], volume: measureVolume(file.volume, file.notFinite ?? 0) };
}

/** Everything the battery finds, as `tonno validate` would. @param text another text than the rows make. */
export async function findingsOf(cohort: FaultCohort, text = textOf(cohort)): Promise<Finding[]> {
  const table = readTable(text, 'c.csv');
  const facts = await gatherCohort(table, async (path, role) => factsOf(cohort, path, role));
  return inOrder([...checkTable(table), ...checkCohort(facts)]);
}
