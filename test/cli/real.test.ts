/** A network that nobody here trained, on a scan that nobody here made. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { filesIn, newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { placementBytes, readVolumeFile } from '../support/volumes.ts';

const data = (path: string) => fileURLToPath(new URL(`../../../shared/data/${path}`, import.meta.url));
const squeezeNet = data('encoders/squeezenet_v1_1_fp32.onnx');
const pet = data('sts-pet/STS_001/PET_image.nii.gz');
const absent = !existsSync(squeezeNet) || !existsSync(pet);

const folder = temporaryFolder();
const scaling = ['--input-scale', '25.5', '--input-mean', '104,117,123'];
const args = ['reconstruct', pet, '-e', squeezeNet, '-L', 2, '-M', 4, ...scaling];

describe.skipIf(absent)('SqueezeNet on a PET scan (skipped where ../shared/data is absent)', () => {
  test('makes the same finite heatmap every time', async () => {
    const [a, b] = [newFolder(folder), newFolder(folder)];
    const { stdout, stderr } = await succeed([...args, '--class', 5, '-o', a]);
    await succeed([...args, '--class', 5, '-o', b]);
    const heatmap = join(a, 'PET_image_desc-tonno_heatmap.nii.gz');
    expect(stdout).toBe(`${heatmap}\n`);
    expect(stderr).toMatch(/^squeezenet_v1_1_fp32\.onnx: 3 channels, on cpu with \d+ threads\n$/);
    const map = await readVolumeFile(heatmap);
    expect(map.shape).toEqual([59, 43, 41]);
    expect(map.data.every(Number.isFinite)).toBe(true);
    // Both of two directions are poles, ±axis 1: a value for each plane of voxels along it.
    expect(new Set(map.data).size).toBe(43);
    expect(placementBytes(heatmap)).toBe(placementBytes(pet));
    const again = readFileSync(join(b, 'PET_image_desc-tonno_heatmap.nii.gz'));
    expect(again.equals(readFileSync(heatmap))).toBe(true);

    const record = JSON.parse(readFileSync(join(a, 'PET_image_desc-tonno_heatmap.json'), 'utf8'));
    expect(record).toMatchObject({
      class: { index: 5 },
      sliceSize: [224, 224],
      slicesMeasured: 12,
      encoder: { file: 'squeezenet_v1_1_fp32.onnx' },
      preprocessing: { normalise: 'none', scale: [25.5], mean: [104, 117, 123], std: [1], outside: 0 },
    });
  });

  test('without a class it is not used', async () => {
    const out = newFolder(folder);
    expect(await tonno([...args, '-o', out])).toMatchObject({
      code: 2,
      stdout: '',
      stderr:
        'error: squeezenet_v1_1_fp32.onnx: This network has 1000 classes, so one must be chosen. Choose a number from 0 to 999.\n',
    });
    expect(filesIn(out)).toEqual([]);
  });

  test('a slice of another size than its own is refused', async () => {
    const out = newFolder(folder);
    expect(await tonno([...args, '--class', 5, '--size', 64, '-o', out])).toMatchObject({
      code: 2,
      stderr:
        'error: --size: squeezenet_v1_1_fp32.onnx takes slices of 224×224 only, not of 64. Leave --size out.\n',
    });
  });
});
