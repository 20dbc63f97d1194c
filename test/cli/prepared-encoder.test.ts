/** What an archive's adapter does to scans reaches the scans of tomorrow by way of the encoder: from archive to heatmap. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readEncoder } from '../../src/encoders/external.ts';
import { uncropVolume } from '../../src/volume/crop.ts';
import { writeArchive } from '../support/archives.ts';
import { newFolder, succeed, temporaryFolder } from '../support/cli.ts';
import { readVolumeFile } from '../support/volumes.ts';

const folder = temporaryFolder();
const archive = join(folder, 'archive');
const cohort = join(folder, 'cohort');
const encoder = join(folder, 'run/encoder.onnx');
const small = ['-e', encoder, '--size', 32, '-L', 8, '-M', 8];
const train = ['--width', 0.25, '--size', 32, '--slices', 4, '--steps', 2, '--validate-every', 2];
const PATIENT = 'PETCT_7be41d0263';

beforeAll(async () => {
  await writeArchive('autopet', archive);
  await succeed(['prepare', 'autopet', archive, '--out', cohort]);
  const { stderr } = await succeed([
    'train',
    join(cohort, 'cohort.csv'),
    '-o',
    join(folder, 'run'),
    ...train,
  ]);
  expect(stderr).toContain(
    'Values as the cohort says: normalise none, scale 0.001 and 0.1, outside 0, crop to',
  );
});

describe('an encoder trained on a prepared archive', () => {
  test('says what was done to its volumes', async () => {
    const { preprocessing } = await readEncoder(readFileSync(encoder), 'encoder.onnx');
    expect(preprocessing).toMatchObject({
      normalise: 'none',
      scale: [0.001, 0.1],
      outside: 0,
      crop: { channel: 1, above: Math.fround(0.2) },
    });
  });

  test('makes the same heatmap of a scan as it comes and of the prepared one, in its place', async () => {
    const patient = join(archive, 'FDG-PET-CT-Lesions', PATIENT);
    const study = join(patient, readdirSync(patient)[0]);
    const [asItComes, prepared] = [newFolder(folder), newFolder(folder)];
    const scan = `${join(study, 'CTres.nii.gz')};${join(study, 'SUV.nii.gz')}`;
    await succeed(['reconstruct', scan, ...small, '-o', asItComes]);
    const all = ['reconstruct', '--cohort', join(cohort, 'cohort.csv'), '--split', 'all', ...small];
    await succeed([...all, '-o', prepared]);
    const own = readdirSync(prepared).find((name) => name.startsWith(PATIENT) && name.endsWith('.nii.gz'))!;
    const part = await readVolumeFile(join(prepared, own));
    const whole = await readVolumeFile(join(asItComes, 'CTres_desc-tonno_heatmap.nii.gz'));
    const { croppedTo } = JSON.parse(readFileSync(join(asItComes, 'CTres_desc-tonno_heatmap.json'), 'utf8'));
    expect(whole.shape).toEqual((await readVolumeFile(join(study, 'SUV.nii.gz'))).shape);
    expect(part.shape).toEqual(croppedTo.to.map((end: number, axis: number) => end - croppedTo.from[axis]));
    expect(part.data.some((value) => value !== 0)).toBe(true);
    expect(whole.data).toEqual(uncropVolume(part.data, 1, croppedTo, whole.shape));
  });
});
