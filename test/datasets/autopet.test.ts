import { beforeAll, describe, expect, it } from 'vitest';
import type { Study } from '../../src/datasets/adapter.ts';
import { autopet } from '../../src/datasets/autopet.ts';
import { TonnoError } from '../../src/errors.ts';
import { decodeNifti } from '../../src/formats/nifti.ts';
import { createVolume, type Shape, type Volume } from '../../src/volume/volume.ts';
import { archiveFiles } from '../support/archives.ts';
import { memoryFolder } from '../support/memory-folder.ts';

const STUDY = 'PETCT_00aa/01-02-2003-NA-PET';
const affine = [-2, 0, 0, 20, 0, 2, 0, -20, 0, 0, 3, -30, 0, 0, 0, 1];

function place({ affine: a }: Volume['geometry'], d: number, h: number, w: number): number[] {
  return [0, 4, 8].map((r) => a[r] * w + a[r + 1] * h + a[r + 2] * d + a[r + 3]);
}

function from(shape: Shape, at: readonly number[], value: (point: number[]) => number): Volume {
  const geometry = { affine: at };
  const [, height, width] = shape;
  const data = Float32Array.from({ length: shape[0] * height * width }, (_, i) =>
    value(place(geometry, Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width)),
  );
  return createVolume(data, shape, { geometry });
}

/** A study whose body is the voxels 2…5, 1…4 and 3…7 of 8 × 7 × 10. */
function study(change: Partial<Record<'SUV' | 'SEG' | 'CTres' | 'CT', Volume | undefined>> = {}) {
  const shape: Shape = [8, 7, 10];
  const inside = (i: number) => {
    const [d, h, w] = [Math.floor(i / 70), Math.floor(i / 10) % 7, i % 10];
    return d >= 2 && d < 6 && h >= 1 && h < 5 && w >= 3 && w < 8;
  };
  const grid = from(shape, affine, () => 0);
  const volumes: Record<string, Volume | undefined> = {
    SUV: { ...grid, data: grid.data.map((_, i) => (inside(i) ? 1 + i / 1000 : 0.19)) },
    SEG: { ...grid, data: grid.data.map((_, i) => (inside(i) && i % 3 === 0 ? 1 : 0)) },
    CTres: from(shape, affine, ([x, y, z]) => 3 * x - 2 * y + z),
    ...change,
  };
  return memoryFolder(
    Object.fromEntries(
      Object.entries(volumes).flatMap(([name, volume]) =>
        volume ? [[`${STUDY}/${name}.nii.gz`, volume] as const] : [],
      ),
    ),
  );
}

async function prepared(folder: ReturnType<typeof memoryFolder>) {
  const { studies } = await autopet.find(folder, {});
  return autopet.prepare(studies[0], folder, {});
}

describe('AutoPET, as its archive is laid out', () => {
  let files: Record<string, Uint8Array>;
  let found: Awaited<ReturnType<typeof autopet.find>>;
  beforeAll(async () => {
    files = await archiveFiles('autopet');
    found = await autopet.find(memoryFolder(files), {});
  });

  it('has a study for every folder in a patient’s', () => {
    expect(found.studies.map(({ name, patient }) => [name, patient])).toEqual([
      ['PETCT_1a2b3c4d5e_03-14-2003-NA-PET-CT-Ganzkoerper-primaer-mit-KM-20417', 'PETCT_1a2b3c4d5e'],
      ['PETCT_1a2b3c4d5e_09-02-2003-NA-PET-CT-Ganzkoerper-primaer-mit-KM-81130', 'PETCT_1a2b3c4d5e'],
      ['PETCT_2f00aa91c7_11-21-2004-NA-Unspecified-CT-ABDOMEN-07752', 'PETCT_2f00aa91c7'],
      ['PETCT_7be41d0263_05-06-2002-NA-PET-CT-Teilkoerper-primaer-mit-KM-55608', 'PETCT_7be41d0263'],
      ['PETCT_e90c5f3a18_12-30-2001-NA-PET-CT-Ganzkoerper-primaer-mit-KM-34921', 'PETCT_e90c5f3a18'],
    ]);
    expect(found).toMatchObject({ classes: ['label'], channels: ['CT', 'SUV'], notes: [] });
    expect(found.studies.every(({ split }) => split === undefined)).toBe(true);
  });

  it('gives CT and SUV as measured, in the box of what has an SUV above 0.2', async () => {
    const labels: number[] = [];
    for (const one of JSON.parse(JSON.stringify(found.studies)) as Study[]) {
      const [only, ...more] = await autopet.prepare(one, memoryFolder(files), {});
      expect(more).toEqual([]);
      expect(only.name).toBe(one.name);
      labels.push(...only.labels);
      const { folder } = one.source as { folder: string };
      const whole = async (name: string) =>
        (await decodeNifti(files[`${folder}/${name}.nii.gz`], name)).volume;
      const [suv, ct, seg] = [await whole('SUV'), await whole('CTres'), await whole('SEG')];
      // The voxels above 0.2, by hand.
      const [, height, width] = suv.shape;
      const index = (i: number) => [
        Math.floor(i / (height * width)),
        Math.floor(i / width) % height,
        i % width,
      ];
      const above = [...suv.data.keys()].filter((i) => suv.data[i] > 0.2).map(index);
      const low = [0, 1, 2].map((axis) => Math.min(...above.map((at) => at[axis])));
      const high = [0, 1, 2].map((axis) => Math.max(...above.map((at) => at[axis])));
      const shape = low.map((value, axis) => high[axis] - value + 1);
      const inBox = (volume: Volume) =>
        volume.data.filter((_, i) => index(i).every((v, axis) => v >= low[axis] && v <= high[axis]));
      expect(only.images.map((image) => [...image.shape])).toEqual([shape, shape]);
      expect(only.images[0].data).toEqual(inBox(ct));
      expect(only.images[1].data).toEqual(inBox(suv));
      for (const { geometry } of [...only.images, ...(only.mask ? [only.mask] : [])]) {
        for (const [r, value] of place(geometry, 0, 0, 0).entries()) {
          expect(value).toBeCloseTo(place(suv.geometry, low[0], low[1], low[2])[r], 9);
        }
        expect(geometry.affine.filter((_, i) => i % 4 < 3)).toEqual(
          suv.geometry.affine.filter((_, i) => i % 4 < 3),
        );
      }
      if (only.labels[0] === 1) expect(only.mask!.data).toEqual(inBox(seg));
      else expect([only.mask, seg.data.some((value) => value !== 0)]).toEqual([undefined, false]);
    }
    expect(labels).toEqual([1, 0, 0, 1, 0]);
  });

  it('is found in the folder above, too, with whatever lies beside it', async () => {
    expect((await autopet.find(memoryFolder(files), {})).studies).toHaveLength(5);
    const inner = Object.fromEntries(
      Object.entries(files).map(([path, bytes]) => [path.replace('FDG-PET-CT-Lesions/', ''), bytes]),
    );
    const beside = { ...inner, 'PSMA_1/x/SUV.nii.gz': new Uint8Array(1), '.cache/x': new Uint8Array(1) };
    const { studies, notes } = await autopet.find(memoryFolder(beside), {});
    expect(studies).toHaveLength(5);
    expect(notes).toEqual(['Passed over, since their names do not begin with PETCT_: PSMA_1.']);
  });

  it('declares what the paper does to the values, and its share of validation', () => {
    // Whole scans are cropped as prepared ones were; of those nothing more goes.
    expect(autopet.preprocessing).toEqual({
      normalise: 'none',
      scale: [0.001, 0.1],
      outside: 0,
      crop: { channel: 1, above: Math.fround(0.2) },
    });
    expect(Math.round(autopet.validation.positive * 501)).toBe(57);
    expect(Math.round(autopet.validation.negative * 512)).toBe(55);
  });
});

describe('a study of AutoPET', () => {
  it('has its mask of 0 and 1 whatever it is in the file', async () => {
    const plain = await prepared(study());
    const seg = (await study().readVolume(`${STUDY}/SEG.nii.gz`)) as Volume;
    const bright = await prepared(study({ SEG: { ...seg, data: seg.data.map((value) => 255 * value) } }));
    expect(bright[0].mask!.data).toEqual(plain[0].mask!.data);
    expect(bright[0].mask!.data.includes(1)).toBe(true);
  });

  it('has its CT brought to the voxels of the PET where that is left to do', async () => {
    // Finer, the other way round along two axes, and not reaching below z = -21.
    const fine = [1.3, 0, 0, -15, 0, -0.9, 0, 0, 0, 0, 1.7, -20.15, 0, 0, 0, 1];
    const ct = from([20, 30, 40], fine, ([x, y, z]) => 3 * x - 2 * y + z);
    const folder = study({ CTres: undefined, CT: ct });
    expect((await autopet.find(folder, {})).notes).toEqual([
      'CT.nii.gz is resampled in 1 of 1 studies, which have no CTres.nii.gz.',
    ]);
    const [{ images }] = await prepared(folder);
    const [own] = await prepared(study());
    expect(images[0].geometry.affine).toEqual(own.images[1].geometry.affine);
    const [depth, height, width] = images[0].shape;
    for (let d = 0, i = 0; d < depth; d++) {
      const [, , z] = place(images[0].geometry, d, 0, 0);
      for (; i < (d + 1) * height * width; i++) {
        if (z < -21) expect(images[0].data[i]).toBe(-1024);
        else if (z > -20) expect(images[0].data[i]).toBeCloseTo(own.images[0].data[i], 3);
      }
    }
    expect(images[0].data.includes(-1024)).toBe(true);
  });

  it.each<[string, Parameters<typeof study>[0], RegExp]>([
    [
      'no mask',
      { SEG: undefined },
      /^archive: It is not whole: PETCT_00aa\/01-02-2003-NA-PET has no SEG\.nii\.gz\. Download/,
    ],
    [
      'neither PET nor CT',
      { SUV: undefined, CTres: undefined },
      /has no SUV\.nii\.gz and no CTres\.nii\.gz\./,
    ],
    [
      'a PET without a body',
      { SUV: from([8, 7, 10], affine, () => 0.2) },
      /SUV\.nii\.gz: No voxel has an SUV above 0\.2\./,
    ],
    [
      'a mask of another size',
      { SEG: from([8, 7, 9], affine, () => 1) },
      /SEG\.nii\.gz: It has 8 × 7 × 9 voxels, and archive\/.*SUV\.nii\.gz has 8 × 7 × 10\./,
    ],
    [
      'a mask in another place',
      { SEG: from([8, 7, 10], affine.with(11, -29), () => 1) },
      /SEG\.nii\.gz: It lies elsewhere in the world than archive\/.*SUV\.nii\.gz: voxels are up to 1\.00 mm apart/,
    ],
    [
      'a CT in another place',
      { CTres: from([8, 7, 10], affine.with(11, 500), () => 1) },
      /CTres\.nii\.gz: Nothing of it lies where archive\/.*SUV\.nii\.gz is\./,
    ],
    [
      'a PET of two channels',
      { SUV: { ...from([16, 7, 10], affine, () => 1), shape: [8, 7, 10], channels: 2 } },
      /SUV\.nii\.gz: It has 2 channels, where one is expected\./,
    ],
  ])('is refused with %s', async (_, change, message) => {
    const attempt = prepared(study(change));
    await expect(attempt).rejects.toThrow(message);
    await expect(attempt).rejects.toBeInstanceOf(TonnoError);
  });

  it('counts what else is missing', async () => {
    const empty = Object.fromEntries(
      [1, 2, 3, 4, 5].map((i) => [`PETCT_${i}/a/CT.nii.gz`, new Uint8Array(1)]),
    );
    await expect(
      autopet.find(memoryFolder({ ...empty, 'PETCT_0/notes.txt': new Uint8Array(1) }), {}),
    ).rejects.toThrow(
      'archive: It is not whole: PETCT_0 has no study in it; PETCT_1/a has no SUV.nii.gz and no SEG.nii.gz; PETCT_2/a has no SUV.nii.gz and no SEG.nii.gz. And 3 more.',
    );
    await expect(autopet.find(memoryFolder({ 'a/b/c.nii': new Uint8Array(1) }), {})).rejects.toThrow(
      'archive: It holds no folder PETCT_… of a patient. Name the folder that the archive was unpacked into',
    );
  });

  it('stops between two files when it is told to', async () => {
    const folder = study();
    const { studies } = await autopet.find(folder, {});
    const stop = new AbortController();
    stop.abort();
    await expect(autopet.prepare(studies[0], folder, {}, stop.signal)).rejects.toThrow('aborted');
  });
});
