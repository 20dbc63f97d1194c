/** What an encoder looks at may be a part of the volume; the heatmap is of the whole all the same. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { withMetadata } from '../../src/encoders/metadata.ts';
import { parseModel, serialiseModel } from '../../src/onnx/model.ts';
import { boundingBox, cropVolume, uncropVolume } from '../../src/volume/crop.ts';
import { newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import {
  MATCHED_FILTER,
  placementBytes,
  readVolumeFile,
  unevenVolume,
  writeVolume,
} from '../support/volumes.ts';

const folder = temporaryFolder();
const scan = join(folder, 'scan.nii');
const encoder = join(folder, 'cropping.onnx');
const crop = { channel: 0, above: 0.5 };
const small = ['--size', 16, '-L', 6, '-M', 8];
const whole = unevenVolume([14, 13, 12]);
const box = boundingBox(whole, crop.above)!;
const heatmapOf = (out: string, stem = 'scan_desc-tonno') => join(out, `${stem}_heatmap.nii.gz`);

beforeAll(async () => {
  await writeVolume(scan, whole);
  const model = parseModel(readFileSync(MATCHED_FILTER), 'matched-filter.onnx');
  writeFileSync(encoder, serialiseModel(withMetadata(model, { preprocessing: { crop } })));
});

describe('an encoder that looks at a crop', () => {
  test('gives the heatmap of the crop, put back where it was', async () => {
    const part = join(folder, 'part.nii');
    await writeVolume(part, cropVolume(whole, box));
    const [ofWhole, ofPart] = [newFolder(folder), newFolder(folder)];
    await succeed(['reconstruct', scan, '-e', encoder, ...small, '-o', ofWhole]);
    await succeed(['reconstruct', part, '-e', encoder, ...small, '--crop', 'none', '-o', ofPart]);
    const heatmap = await readVolumeFile(heatmapOf(ofWhole));
    const inside = await readVolumeFile(heatmapOf(ofPart, 'part_desc-tonno'));
    expect(inside.shape).not.toEqual(whole.shape);
    expect(heatmap.data).toEqual(uncropVolume(inside.data, 1, box, whole.shape));
    expect(placementBytes(heatmapOf(ofWhole))).toBe(placementBytes(scan));
    const record = JSON.parse(readFileSync(join(ofWhole, 'scan_desc-tonno_heatmap.json'), 'utf8'));
    expect(record).toMatchObject({ croppedTo: box, preprocessing: { crop } });
  });

  test('keeps profiles of the crop, from which filter makes the same heatmap again', async () => {
    const out = newFolder(folder);
    await succeed(['reconstruct', scan, '-e', encoder, ...small, '--keep-profiles', '-o', out]);
    await succeed(['filter', join(out, 'scan_desc-tonno_profiles.npy'), '-f', 'gaussian:0.04']);
    const again = await readVolumeFile(heatmapOf(out, 'scan_desc-tonno_filter-gaussian-0.04'));
    expect(again.data).toEqual((await readVolumeFile(heatmapOf(out))).data);
  });

  test('is told by --crop, or that it shall not', async () => {
    const [told, none] = [newFolder(folder), newFolder(folder)];
    await succeed(['reconstruct', scan, '-e', MATCHED_FILTER, '--crop', '0:0.5', ...small, '-o', told]);
    await succeed(['reconstruct', scan, '-e', encoder, '--crop', 'none', ...small, '-o', none]);
    const outside = (path: string) =>
      readVolumeFile(path).then(({ data }) => data[0] === 0 && data[data.length - 1] === 0);
    expect(await outside(heatmapOf(told))).toBe(true);
    const record = JSON.parse(readFileSync(join(none, 'scan_desc-tonno_heatmap.json'), 'utf8'));
    expect(record.croppedTo).toBeUndefined();
    expect(record.preprocessing.crop).toBeUndefined();
  });

  test.each([
    ['0.2', 'It must be a channel and a value such as 1:0.2, or the word none.', 2],
    ['0:99', 'No voxel is above 99', 1],
    ['3:0', 'crops by channel 3 of a volume of one channel', 1],
  ])('refuses --crop %s', async (value, sentence, exit) => {
    const args = [
      'reconstruct',
      scan,
      '-e',
      MATCHED_FILTER,
      '--crop',
      value,
      ...small,
      '-o',
      newFolder(folder),
    ];
    const { code, stderr } = await tonno(args);
    expect(stderr).toContain(sentence);
    expect(code).toBe(exit);
  });
});
