/** The cutting of scans into slabs and what uptake alone tells of them, on scans small enough to say beforehand what must come out. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { encodeNifti, parseCohort, randomStreams } from 'tonno';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  bestThresholdDice,
  boundingBox,
  type LoadedSlab,
  meanMask,
  relativeUptake,
  rivalCases,
  scoreAuc,
  scores,
  thresholdDice,
  uptake,
} from '../../examples/sarcoma-pet/baselines.ts';
import { defaults, readVolume, writeSlabCohort } from '../../examples/sarcoma-pet/cohort.ts';
import { cut, drawWindow, findSlabs } from '../../examples/sarcoma-pet/slabs.ts';
import { createVolume, type Geometry, type Shape, type Volume } from '../../src/volume/volume.ts';

/** Voxels of 5 × 4 × 10 mm, 0.2 mL, of a scan that is mirrored in x and y. */
const geometry: Geometry = { affine: [-5, 0, 0, 100, 0, -4, 0, 60, 0, 0, 10, -300, 0, 0, 0, 1] };
const SHAPE: Shape = [20, 7, 6];
const settings = { slices: 4, positiveFrom: 2, play: 0 };

/** Each voxel says where it is: 100·d + 10·h + w. */
const scan = (shape = SHAPE): Volume =>
  createVolume(
    Float32Array.from({ length: shape[0] * shape[1] * shape[2] }, (_, i) => {
      const [d, rest] = [Math.floor(i / (shape[1] * shape[2])), i % (shape[1] * shape[2])];
      return 100 * d + 10 * Math.floor(rest / shape[2]) + (rest % shape[2]);
    }),
    shape,
    { geometry },
  );

/** So many voxels in each slice, from the slice's third on. */
const maskOf = (voxels: readonly number[]): Volume => {
  const slice = SHAPE[1] * SHAPE[2];
  const data = new Float32Array(voxels.length * slice);
  for (const [d, count] of voxels.entries()) data.fill(1, d * slice + 3, d * slice + 3 + count);
  return createVolume(data, [voxels.length, SHAPE[1], SHAPE[2]], { geometry });
};
const slices = (count: number, from: number, to: number, voxels = 5) =>
  Array.from({ length: count }, (_, d) => (d >= from && d < to ? voxels : 0));
const found = (voxels: readonly number[], more = {}) =>
  findSlabs(maskOf(voxels), { ...settings, ...more }).map(({ start, label }) => [start, label]);

describe('slabs', () => {
  test('lie outward from the mask and evenly within it', () => {
    // Nine slices before the mask hold two slabs, three behind it none; eight slices of mask are two slabs.
    expect(found(slices(20, 9, 17))).toEqual([
      [1, 0],
      [5, 0],
      [9, 1],
      [13, 1],
    ]);
    // Ten slices of mask are three slabs, from the first slice to the last.
    expect(found(slices(20, 5, 15))).toEqual([
      [1, 0],
      [5, 1],
      [8, 1],
      [11, 1],
      [15, 0],
    ]);
  });

  test('have a mask shorter than one in their middle, as far as the scan reaches', () => {
    expect(found(slices(20, 9, 11))).toEqual([
      [1, 0],
      [5, 0],
      [8, 1],
      [11, 0],
      [15, 0],
    ]);
    expect(found(slices(6, 0, 2))[0]).toEqual([0, 1]);
    expect(found(slices(6, 4, 6)).at(-1)).toEqual([2, 1]);
  });

  test('are positive from a volume on, and neither with less', () => {
    // 2 mL are ten voxels: 4 + 4 + 1 + 1 in the first four slices, 9 in the last four.
    const voxels = [0, 0, 0, 0, 4, 4, 1, 1, 1, 1, 1, 6, 0, 0];
    expect(found(voxels)).toEqual([
      [0, 0],
      [4, 1],
    ]);
    expect(found(voxels, { positiveFrom: 1.8 })).toEqual([
      [0, 0],
      [4, 1],
      [8, 1],
    ]);
  });

  test('hold no marked voxel where negative, and all of them together where positive', () => {
    const mask = fc
      .record({ before: fc.nat(14), extent: fc.integer({ min: 1, max: 30 }), behind: fc.nat(14) })
      .filter(({ before, extent, behind }) => before + extent + behind >= 4);
    fc.assert(
      fc.property(mask, ({ before, extent, behind }) => {
        const voxels = slices(before + extent + behind, before, before + extent);
        const slabs = findSlabs(maskOf(voxels), { ...settings, positiveFrom: 0 });
        const covered = new Set<number>();
        for (const { start, label } of slabs) {
          expect(start).toBeGreaterThanOrEqual(0);
          expect(start + 4).toBeLessThanOrEqual(voxels.length);
          for (let d = start; d < start + 4; d++) {
            if (label === 1) covered.add(d);
            else expect(voxels[d]).toBe(0);
          }
        }
        for (let d = before; d < before + extent; d++) expect(covered).toContain(d);
        const count = (label: number) => slabs.filter((slab) => slab.label === label).length;
        expect(count(1)).toBe(Math.ceil(extent / 4));
        expect(count(0)).toBe(Math.floor(before / 4) + Math.floor(behind / 4));
      }),
    );
  });

  test('cannot be had of an empty mask or a scan shorter than one', () => {
    expect(() => found(slices(20, 0, 0))).toThrow('mask: No voxel is marked. Leave this scan out.');
    expect(() => found(slices(3, 1, 2))).toThrow('mask: It has 3 slices, fewer than a slab of 4.');
  });
});

describe('windows', () => {
  const slab = { start: 9, label: 1 } as const;

  test('are shorter by whole voxels and lie anywhere', () => {
    // 11 mm are two voxels of 4 mm along axis 1 and two of 5 mm along axis 2.
    const drawn = randomStreams(3, 200).map((random) =>
      drawWindow(scan(), slab, { ...settings, play: 11 }, random),
    );
    const places = new Set(drawn.map(({ from }) => from.join()));
    expect(drawn.every(({ shape }) => shape.join() === '4,5,4')).toBe(true);
    expect([...places].sort()).toEqual([0, 1, 2].flatMap((h) => [0, 1, 2].map((w) => `9,${h},${w}`)));
  });

  test('take no notice of the label', () => {
    const of = (label: 0 | 1) =>
      drawWindow(scan(), { start: 9, label }, { ...settings, play: 11 }, randomStreams(5, 1)[0]);
    expect(of(0)).toEqual(of(1));
  });

  test('have some of the scan left', () => {
    expect(() => drawWindow(scan(), slab, { ...settings, play: 28 }, randomStreams(5, 1)[0])).toThrow(
      'scan: A window 28 mm shorter than 7 voxels of 4 mm has no voxel left.',
    );
  });

  test('hold the voxels that they show, where these were in the world', () => {
    const { data, shape, geometry: placed } = cut(scan(), { from: [9, 2, 1], shape: [2, 3, 2] });
    expect([...data]).toEqual([921, 922, 931, 932, 941, 942, 1021, 1022, 1031, 1032, 1041, 1042]);
    expect(shape).toEqual([2, 3, 2]);
    // Voxel (9, 2, 1) of the scan: x = 100 − 5·1, y = 60 − 4·2, z = −300 + 10·9.
    expect(placed.affine).toEqual([-5, 0, 0, 95, 0, -4, 0, 52, 0, 0, 10, -210, 0, 0, 0, 1]);
  });

  test('of an oblique scan too', () => {
    const oblique = { affine: [1, 2, 3, 4, -5, 6, 7, 8, 9, -10, 11, 12, 0, 0, 0, 1] };
    const { affine } = cut({ ...scan(), geometry: oblique }, { from: [9, 2, 1], shape: [1, 1, 1] }).geometry;
    // Columns are for axes 2, 1, 0: 1·1 + 2·2 + 3·9 + 4 and so on.
    expect([affine[3], affine[7], affine[11]]).toEqual([36, 78, 100]);
    expect(affine.filter((_, i) => i % 4 !== 3)).toEqual(oblique.affine.filter((_, i) => i % 4 !== 3));
  });
});

describe('cohort of slabs', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tonno-sarcoma-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  async function writePatients(count: number): Promise<string> {
    const data = join(folder, 'nifti');
    for (let p = 1; p <= count; p++) {
      const patient = join(data, `STS_00${p}`);
      mkdirSync(patient, { recursive: true });
      const mask = maskOf(slices(20, 4 + p, 13));
      for (const [name, volume] of [
        ['PET_image', { ...scan(), data: scan().data.map((value) => value + p / 8) }],
        ['PET_mask', mask],
      ] as const) {
        const file = await encodeNifti(volume, { datatype: 'float32', gzip: true });
        writeFileSync(join(patient, `${name}.nii.gz`), file);
      }
    }
    return data;
  }

  test('deals patients to the splits whole and moves image and mask alike', async () => {
    const out = join(folder, 'cohort');
    await writeSlabCohort(await writePatients(6), out, { ...defaults, ...settings, play: 11 });
    const { cases } = parseCohort(readFileSync(join(out, 'cohort.csv'), 'utf8'), 'cohort.csv');
    const patientsOf = (split: string) =>
      new Set(cases.filter((row) => row.split === split).map(({ patient }) => patient));
    expect([patientsOf('train').size, patientsOf('validation').size]).toEqual([4, 2]);
    // From slice 4 + p to 13 there are 9 − p slices of mask; 7 behind it hold one negative slab, 4 + p before it one or two.
    const labels = (patient: string) =>
      cases.filter((row) => row.patient === patient).map((row) => row.labels[0]);
    expect(labels('STS_001')).toEqual([0, 1, 1, 0]);
    expect(labels('STS_004')).toEqual([0, 0, 1, 1, 0]);
    expect(labels('STS_005')).toEqual([0, 0, 1, 0]);
    for (const row of cases) {
      expect(row.mask !== undefined).toBe(row.labels[0] === 1);
      const image = await readVolume(join(out, row.images[0]));
      expect(image.shape).toEqual([4, 5, 4]);
      const p = Number(row.patient.slice(4));
      const { affine } = image.geometry;
      // The first voxel says where it was in the scan, and the affine where that is in the world.
      const value = image.data[0] - p / 8;
      const [d, h, w] = [Math.floor(value / 100), Math.floor((value % 100) / 10), value % 10];
      expect([affine[3], affine[7], affine[11]]).toEqual([100 - 5 * w, 60 - 4 * h, -300 + 10 * d]);
      if (!row.mask) continue;
      const mask = await readVolume(join(out, row.mask));
      expect(mask.geometry.affine).toEqual(affine);
      // The mask is the voxels 03, 04, 05, 10 and 11 of its slices.
      const truth = image.data.map((at) => {
        const [slice, rest] = [Math.floor((at - p / 8) / 100), (at - p / 8) % 100];
        return slice >= 4 + p && slice < 13 && [3, 4, 5, 10, 11].includes(rest) ? 1 : 0;
      });
      expect(mask.data).toEqual(truth);
    }
  });

  test('is the same for the same seed, says how it was made, and overwrites nothing', async () => {
    const data = await writePatients(3);
    const write = (name: string, seed: number) =>
      writeSlabCohort(data, join(folder, name), { ...defaults, ...settings, play: 11, seed });
    for (const [name, seed] of [
      ['a', 1],
      ['b', 1],
      ['c', 2],
    ] as const) {
      await write(name, seed);
    }
    const bytes = (name: string) =>
      readdirSync(join(folder, name, 'images')).map((file) =>
        readFileSync(join(folder, name, 'images', file)).toString('base64'),
      );
    expect(bytes('a')).toEqual(bytes('b'));
    expect(bytes('a')).not.toEqual(bytes('c'));
    expect(JSON.parse(readFileSync(join(folder, 'a', 'cohort.json'), 'utf8'))).toMatchObject({
      source: 'sarcoma-pet',
      settings: { slices: 4, positiveFrom: 2, play: 11, seed: 1 },
      patients: ['STS_001', 'STS_002', 'STS_003'],
    });
    await expect(write('a', 1)).rejects.toThrow('It is not empty. Give another folder with --out.');
    await expect(writeSlabCohort(join(folder, 'a'), join(folder, 'd'))).rejects.toThrow(
      'It holds no folder STS_001 or the like.',
    );
  });
});

describe('commands', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'tonno-sarcoma-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  const run = (...args: string[]) => {
    const script = fileURLToPath(new URL('../../examples/sarcoma-pet/sarcoma-pet.ts', import.meta.url));
    const { status, stdout, stderr } = spawnSync(process.execPath, ['--import', 'tsx', script, ...args], {
      encoding: 'utf8',
    });
    return { status, lines: stdout.trimEnd().split('\n'), stderr };
  };

  test('write a cohort and say what uptake alone does on it', async () => {
    // Patients with 16 slices of tumour of SUV 6 in a body of SUV 1, between two slabs without.
    const shape: Shape = [48, 20, 20];
    const place = { affine: [5, 0, 0, 0, 0, 5, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1] };
    for (let p = 1; p <= 6; p++) {
      const patient = join(folder, 'nifti', `STS_00${p}`);
      mkdirSync(patient, { recursive: true });
      const mask = Float32Array.from({ length: 48 * 400 }, (_, i) => {
        const [d, h, w] = [Math.floor(i / 400), Math.floor(i / 20) % 20, i % 20];
        return d >= 16 && d < 32 && Math.abs(h - 9.5) < 3 && Math.abs(w - 9.5) < 3 ? 1 : 0;
      });
      for (const [name, data] of [
        ['PET_image', mask.map((value) => 1 + 5 * value)],
        ['PET_mask', mask],
      ] as const) {
        const file = await encodeNifti(createVolume(data, shape, { geometry: place }), {
          datatype: 'float32',
        });
        writeFileSync(join(patient, `${name}.nii.gz`), file);
      }
    }
    const out = join(folder, 'cohort');
    const made = run('cohort', '--data', join(folder, 'nifti'), '--out', out, '--seed', '4');
    expect(made.lines).toEqual([
      'train: 4 patients, 4 positive and 8 negative slabs',
      'validation: 2 patients, 2 positive and 4 negative slabs',
      join(out, 'cohort.csv'),
    ]);
    const { status, lines } = run('baselines', '--cohort', join(out, 'cohort.csv'));
    expect(status).toBe(0);
    const numbers = (title: string) =>
      lines
        .find((line) => line.startsWith(title))
        ?.slice(title.length)
        .trim()
        .split(/\s+/)
        .map(Number);
    expect(numbers('maximum SUV')).toEqual([1, 1]);
    expect(numbers('share of body (SUV > 0.2)')).toEqual([0.5, 0.5]);
    expect(numbers('SUV > 4')).toEqual([1, 1]);
  });

  test('do without a stack trace where there is no file', () => {
    const { status, stderr } = run('baselines', '--cohort', join(folder, 'none.csv'));
    expect(status).toBe(1);
    expect(stderr).toMatch(/^ENOENT: [^\n]*none\.csv[^\n]*\n$/);
  });

  test('say what they need', () => {
    const given = run('everything');
    expect([given.status, given.stderr]).toEqual([
      2,
      'sarcoma-pet: There is no everything. Give one of cohort, baselines.\n',
    ]);
    expect(run('cohort').stderr).toContain('Give --data FOLDER');
  });
});

describe('rivals', () => {
  /** A slab of one row of voxels. */
  const slab = (name: string, suv: readonly number[], mask?: readonly number[]): LoadedSlab => {
    const row = (data: readonly number[]) =>
      createVolume(Float32Array.from(data), [1, 1, data.length], { geometry });
    return {
      case: { name, patient: name, split: 'train', labels: [mask ? 1 : 0], images: ['-'], line: 2 },
      image: row(suv),
      mask: mask && row(mask),
    };
  };
  const slabs = [
    slab('a', [0, 1, 8, 4, 3], [0, 0, 1, 1, 1]),
    slab('b', [5, 1, 1, 2, 3], [0, 0, 0, 1, 1]),
    slab('c', [0, 0, 6, 0.1, 0.3]),
  ];
  const auc = Object.fromEntries(
    Object.entries(scores).map(([name, score]) => [name, scoreAuc(slabs, score)]),
  );

  test('score slabs by their uptake', () => {
    // Maxima 8, 5 and 6; means 3.2, 2.4 and 1.28; 4, 5 and 2 of five voxels; all of one size.
    expect(Object.values(auc)).toEqual([0.5, 1, 1, 0.5]);
  });

  test('mark what lies above a threshold', async () => {
    // Of a 3 voxels, all true, then 2 of them; of b voxels 0 and 4, then only 0.
    expect(await thresholdDice(rivalCases(slabs, uptake), 2.5)).toBeCloseTo((1 + 2 / 4) / 2);
    expect(await thresholdDice(rivalCases(slabs, uptake), 3)).toBeCloseTo((4 / 5 + 0) / 2);
    // More than 0.45 of the maximum: 3.6 in a, 2.25 in b.
    expect(await thresholdDice(rivalCases(slabs, relativeUptake), 0.45)).toBeCloseTo((4 / 5 + 2 / 4) / 2);
    // The best threshold of b lets in voxel 0 with both that are true.
    expect(await bestThresholdDice(rivalCases(slabs, uptake))).toBeCloseTo((1 + 4 / 5) / 2);
  });

  test('are cases with the label, the mask and the voxels of their slab', async () => {
    const [a, , c] = rivalCases(slabs, uptake);
    expect([a.name, a.patient, a.label, c.label]).toEqual(['a', 'a', 1, 0]);
    const data = await a.load();
    expect([[...data.heatmap], [...data.mask!], data.shape, data.spacing]).toEqual([
      [0, 1, 8, 4, 3],
      [0, 0, 1, 1, 1],
      [1, 1, 5],
      [10, 4, 5],
    ]);
    expect((await c.load()).mask).toBeUndefined();
  });

  test('say where tumours lie on the average', async () => {
    const { heatmap, threshold } = await meanMask(slabs);
    // Both have voxels 3 and 4, one has 2: marking all three is right for a (1) and 4/5 for b, marking two 4/5 and 1.
    expect([...heatmap(slabs[2].image)]).toEqual([0, 0, 0.5, 1, 1]);
    expect(await thresholdDice(rivalCases(slabs, heatmap), threshold)).toBeCloseTo(0.9);
    expect(threshold).toBeLessThan(1);
    // On another grid, each voxel takes what lies at its place.
    const wide = createVolume(new Float32Array(10), [1, 1, 10], { geometry });
    expect([...heatmap(wide)]).toEqual([0, 0, 0, 0, 0.5, 0.5, 1, 1, 1, 1]);
  });

  test('draw a box around a mask', () => {
    const mask = createVolume(new Float32Array(27), [3, 3, 3], { geometry });
    mask.data[1 * 9 + 0 * 3 + 1] = 1;
    mask.data[2 * 9 + 2 * 3 + 1] = 1;
    const box = boundingBox(mask);
    expect([...box.keys()].filter((i) => box[i] === 1)).toEqual([10, 13, 16, 19, 22, 25]);
  });
});
