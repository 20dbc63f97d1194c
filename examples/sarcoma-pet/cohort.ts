/**
 * The public folders STS_0NN of the IBSI's validation set in, a cohort as `tonno train` reads it out: each scan in slabs, patients
 * dealt to training and validation as a whole.
 */
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type Cohort,
  decodeNifti,
  encodeNifti,
  randomStreams,
  requireBothClasses,
  type Split,
  TonnoError,
  VERSION,
  type Volume,
  writeCohort,
} from 'tonno';
import { cut, drawWindow, findSlabs, type SlabSettings } from './slabs.ts';

export interface CohortSettings extends SlabSettings {
  /** Of the split and of the windows. */
  readonly seed: number;
  /** Patients for validation. */
  readonly validationShare: number;
}

export const defaults: CohortSettings = {
  slices: 16,
  positiveFrom: 2,
  // The set's crops leave 52 mm around a tumour, so that no window cuts into one.
  play: 50,
  seed: 0,
  validationShare: 1 / 3,
};

/**
 * Writes images/, masks/ and cohort.csv, and cohort.json with what made them.
 * @param data holds STS_001/PET_image.nii.gz, STS_001/PET_mask.nii.gz and so on.
 */
export async function writeSlabCohort(data: string, out: string, settings = defaults): Promise<Cohort> {
  const patients = (await readdir(data)).filter((name) => /^STS_\d+$/.test(name)).sort();
  if (patients.length === 0) {
    throw new TonnoError(data, 'It holds no folder STS_001 or the like.', {
      remedy: 'Give the folder ibsi_validation/nifti of github.com/theibsi/data_sets with --data.',
    });
  }
  await mkdir(out, { recursive: true });
  if ((await readdir(out)).length > 0) {
    throw new TonnoError(out, 'It is not empty.', { remedy: 'Give another folder with --out.' });
  }
  for (const folder of ['images', 'masks']) await mkdir(join(out, folder), { recursive: true });

  const [forSplit, ...forWindows] = randomStreams(settings.seed, 1 + patients.length);
  const inValidation = new Set(
    shuffled(patients, (count) => forSplit.below(count)).slice(
      0,
      Math.round(patients.length * settings.validationShare),
    ),
  );
  const cases: Cohort['cases'][number][] = [];
  for (const [p, patient] of patients.entries()) {
    const scan = await readVolume(join(data, patient, 'PET_image.nii.gz'));
    const mask = await readVolume(join(data, patient, 'PET_mask.nii.gz'));
    const split: Split = inValidation.has(patient) ? 'validation' : 'train';
    for (const [i, slab] of findSlabs(mask, settings).entries()) {
      const name = `${patient}_slab-${i + 1}`;
      const row = {
        name,
        patient,
        split,
        labels: [slab.label],
        images: [`images/${name}.nii.gz`],
        mask: slab.label === 1 ? `masks/${name}_mask.nii.gz` : undefined,
        line: cases.length + 2,
      };
      const window = drawWindow(scan, slab, settings, forWindows[p]);
      await writeVolume(join(out, row.images[0]), cut(scan, window), 'float32');
      if (row.mask) await writeVolume(join(out, row.mask), cut(mask, window), 'uint8');
      cases.push(row);
    }
  }
  const cohort = { name: join(out, 'cohort.csv'), classes: ['label'], cases };
  for (const split of ['train', 'validation'] as const) requireBothClasses(cohort, split);
  const record = { software: { name: 'tonno', version: VERSION }, source: 'sarcoma-pet', settings, patients };
  await writeFile(join(out, 'cohort.json'), `${JSON.stringify(record, null, 2)}\n`);
  await writeFile(cohort.name, writeCohort(cohort));
  return cohort;
}

/** By Fisher and Yates. */
function shuffled<T>(items: readonly T[], below: (count: number) => number): T[] {
  const order = [...items];
  for (let i = order.length - 1; i > 0; i--) {
    const j = below(i + 1);
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order;
}

export async function readVolume(path: string): Promise<Volume> {
  return (await decodeNifti(await readFile(path), path)).volume;
}

async function writeVolume(path: string, volume: Volume, datatype: 'float32' | 'uint8'): Promise<void> {
  await writeFile(path, await encodeNifti(volume, { datatype, gzip: true }));
}
