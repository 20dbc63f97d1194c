import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { readDicom } from '../../../src/formats/dicom/object.ts';
import {
  chooseSeries,
  type DecodedDicom,
  decodeSeries,
  groupSeries,
} from '../../../src/formats/dicom/series.ts';
import { decodeNifti } from '../../../src/formats/nifti.ts';
import type { Volume } from '../../../src/volume/volume.ts';

/** Real files, which are not part of the repository. */
const DATA = new URL('../../../../shared/data/', import.meta.url);
const absent = !existsSync(new URL('dicom/', DATA));
const skipped = absent ? ' (skipped: ../shared/data/dicom is not there)' : '';

interface Golden {
  readonly shape: readonly number[];
  readonly affine: readonly number[];
  readonly min: number;
  readonly max: number;
  readonly mean: number;
  readonly samples: readonly { index: [number, number, number]; world: number[]; value: number }[];
}

const golden: Record<string, Golden> = JSON.parse(
  readFileSync(new URL('../../fixtures/dicom-series/real.json', import.meta.url), 'utf8'),
);

async function decode(path: string): Promise<DecodedDicom> {
  const url = new URL(path, DATA);
  const files = statSync(url).isDirectory() ? readdirSync(url).map((name) => `${path}/${name}`) : [path];
  const objects = await Promise.all(files.map((file) => readDicom(readFileSync(new URL(file, DATA)), file)));
  return decodeSeries(chooseSeries(groupSeries(objects).series, path));
}

function world({ geometry: { affine: a } }: Volume, [d, h, w]: readonly number[]): number[] {
  return [0, 4, 8].map((row) => a[row] * w + a[row + 1] * h + a[row + 2] * d + a[row + 3]);
}

describe.skipIf(absent)(`series as pydicom and nibabel read them${skipped}`, () => {
  test.each(Object.keys(golden))('%s', async (path) => {
    const { volume } = await decode(path);
    const expected = golden[path];
    expect(volume.shape).toEqual(expected.shape);
    // Affines are worked out in another order of sums than ours.
    volume.geometry.affine.forEach((value, i) => {
      expect(Math.abs(value - expected.affine[i])).toBeLessThan(1e-9);
    });
    for (const { index, world: place, value } of expected.samples) {
      const [d, h, w] = index;
      expect(volume.data[(d * volume.shape[1] + h) * volume.shape[2] + w]).toBe(Math.fround(value));
      // Each plane's own place; planes of one stack are even to a thousandth of a millimetre.
      world(volume, index).forEach((coordinate, axis) => {
        expect(Math.abs(coordinate - place[axis])).toBeLessThan(1e-3);
      });
    }
    let [min, max, sum] = [Infinity, -Infinity, 0];
    for (const value of volume.data) {
      min = Math.min(min, value);
      max = Math.max(max, value);
      sum += value;
    }
    expect([min, max]).toEqual([expected.min, expected.max].map(Math.fround));
    const mean = sum / volume.data.length;
    expect(Math.abs(mean - expected.mean)).toBeLessThanOrEqual(1e-6 * Math.abs(expected.max));
  });
});

/**
 * Compares all voxels of a grid with those of another in the world: the greatest difference of values, and how far from a
 * voxel's centre in the other a centre comes to lie, in voxels. Every voxel must lie in the other grid.
 */
function compare(one: Volume, other: Volume, turn = (place: number[]) => place) {
  const inverse = inverted(other.geometry.affine);
  const [depth, height, width] = other.shape;
  let [difference, off] = [0, 0];
  let at = 0;
  for (let d = 0; d < one.shape[0]; d++) {
    for (let h = 0; h < one.shape[1]; h++) {
      for (let w = 0; w < one.shape[2]; w++, at++) {
        const [x, y, z] = turn(world(one, [d, h, w]));
        const place = [0, 1, 2].map((row) => {
          const [a, b, c, o] = inverse.slice(4 * row, 4 * row + 4);
          return a * x + b * y + c * z + o;
        });
        const [i, j, k] = place.map(Math.round);
        for (const [axis, index] of [i, j, k].entries()) off = Math.max(off, Math.abs(place[axis] - index));
        const inside = k >= 0 && k < depth && j >= 0 && j < height && i >= 0 && i < width;
        const value = inside ? other.data[(k * height + j) * width + i] : Number.NaN;
        difference = Math.max(difference, Math.abs(value - one.data[at]));
      }
    }
  }
  return { difference, off };
}

/** Of a row-major 4×4 affine. */
function inverted(a: readonly number[]): number[] {
  const minor = (r: number, c: number) => {
    const [i, j] = [0, 1, 2].filter((row) => row !== r);
    const [k, l] = [0, 1, 2].filter((column) => column !== c);
    return (a[4 * i + k] * a[4 * j + l] - a[4 * i + l] * a[4 * j + k]) * ((r + c) % 2 === 0 ? 1 : -1);
  };
  const determinant = [0, 1, 2].reduce((sum, c) => sum + a[c] * minor(0, c), 0);
  return [0, 1, 2].flatMap((r) => {
    const row = [0, 1, 2].map((c) => minor(c, r) / determinant);
    return [...row, -row.reduce((sum, value, i) => sum + value * a[4 * i + 3], 0)];
  });
}

describe.skipIf(absent)(`series and their NIfTI twins in world space${skipped}`, () => {
  const twin = async (path: string) => (await decodeNifti(readFileSync(new URL(path, DATA)), path)).volume;

  test.each([
    ['PET', 'sts-pet/STS_042/PET_image.nii.gz', 1e-6],
    ['MR_T1', 'sts-mr/STS_042/MR_T1_image.nii.gz', 0],
  ])('%s of patient 042', async (modality, path, tolerance) => {
    const { volume } = await decode(`dicom/sts_042_dicom/${modality}/image`);
    const nifti = await twin(path);
    expect(volume.shape).toEqual(nifti.shape);
    for (const [one, other] of [
      [volume, nifti],
      [nifti, volume],
    ]) {
      const { difference, off } = compare(one, other);
      expect(difference).toBeLessThanOrEqual(tolerance);
      expect(off).toBeLessThan(1e-4);
    }
  });

  test('the orientation phantom, whose NIfTI has z of the other sign', async () => {
    const { volume } = await decode('dicom/ibsi_orientation');
    const nifti = await twin('nifti/ibsi/ibsi_2_digital_phantom/nifti/orientation/image/orientation.nii.gz');
    // Its slices are at z = −126 … 0 in DICOM, and the NIfTI header has them at 0 … 126, the one at 0 being the same.
    expect(world(volume, [0, 0, 0])).toEqual([0, 0, -126]);
    const mirror = ([x, y, z]: number[]) => [x, y, -z];
    expect(compare(volume, nifti, mirror)).toEqual({ difference: 0, off: 0 });
    expect(compare(nifti, volume, mirror)).toEqual({ difference: 0, off: 0 });
    expect(compare(volume, nifti).difference).toBeNaN();
  });
});
