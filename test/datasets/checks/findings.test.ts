/** What single checks say, where more than one thing can be said. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkCohort, checkTable, checkVolumes } from '../../../src/datasets/checks/battery.ts';
import type { Finding } from '../../../src/datasets/checks/check.ts';
import { measureVolume } from '../../../src/datasets/checks/facts.ts';
import { gatherCohort } from '../../../src/datasets/checks/gather.ts';
import { readTable } from '../../../src/datasets/cohort-table.ts';
import { createVolume } from '../../../src/volume/volume.ts';
import {
  cells,
  cleanCohort,
  diagonal,
  type FaultCohort,
  factsOf,
  findingsOf,
  maskVolume,
  noiseVolume,
} from '../../support/fault-cohort.ts';

const told = (findings: readonly Finding[], check: string) =>
  findings.filter((finding) => finding.check === check).map(({ level, message }) => [level, message]);

async function spoiled(spoil: (cohort: FaultCohort) => unknown, check: string) {
  const cohort = cleanCohort();
  spoil(cohort);
  return told(await findingsOf(cohort), check);
}

const same = (cohort: FaultCohort, a: string, b: string) => cohort.files.set(a, cohort.files.get(b)!);

describe('the same image twice', () => {
  test('is an error across splits or labels, and a warning within', async () => {
    expect(await spoiled((c) => same(c, 'a4.nii', 'a0.nii'), 'image-twice')).toEqual([
      ['error', 'The voxels of c0 and c4 are the same, in two splits.'],
    ]);
    expect(await spoiled((c) => same(c, 'a1.nii', 'a0.nii'), 'image-twice')).toEqual([
      ['error', 'The voxels of c0 and c1 are the same, with different labels.'],
    ]);
    expect(await spoiled((c) => same(c, 'a2.nii', 'a0.nii'), 'image-twice')).toEqual([
      ['warning', 'The voxels of c0 and c2 are the same.'],
    ]);
  });

  test('of three cases and several channels is told once', async () => {
    const spoil = (c: FaultCohort) => {
      for (const i of [2, 5]) for (const file of ['a', 'b']) same(c, `${file}${i}.nii`, `${file}0.nii`);
    };
    expect(await spoiled(spoil, 'image-twice')).toEqual([
      ['error', 'The voxels of c0, c2 and c5 are the same, in two splits and with different labels.'],
    ]);
  });
});

describe('masks', () => {
  test('an empty one is an error where it is evaluated, and a warning in training', async () => {
    const empty = (name: string) => (c: FaultCohort) => c.files.set(name, { volume: maskVolume(0) });
    expect(await spoiled(empty('m4.nii'), 'mask-empty')).toEqual([
      ['error', 'It is empty, and case c4 is labelled positive.'],
    ]);
    expect((await spoiled(empty('m2.nii'), 'mask-empty'))[0][0]).toBe('warning');
  });

  test('less than a tenth of a voxel off is a warning, and a hundredth of a millimetre nothing', async () => {
    const shifted = (by: number) => (c: FaultCohort) =>
      c.files.set('m2.nii', { volume: maskVolume(1, diagonal(1, 1, 2, by)) });
    expect(await spoiled(shifted(0.5), 'mask-grid')).toEqual([
      ['error', 'It lies elsewhere in the world than the image of case c2: voxels are up to 0.500 mm apart.'],
    ]);
    expect((await spoiled(shifted(0.05), 'mask-grid'))[0][0]).toBe('warning');
    expect(await spoiled(shifted(0.009), 'mask-grid')).toEqual([]);
  });

  test('with several labels contradict those who are negative for all of them', async () => {
    const labels = (first: number, second: number) => async (marked: number) => {
      const cohort = cleanCohort();
      cohort.header[3] = 'label:a,label:b';
      for (const row of cohort.rows) row[3] = `${row[3]},${row[3]}`;
      cells(cohort, 'c4')[3] = `${first},${second}`;
      cohort.files.set('m4.nii', { volume: maskVolume(marked) });
      const findings = await findingsOf(cohort);
      return findings.map(({ check }) => check).filter((check) => check !== 'class-counts');
    };
    expect(await labels(0, 0)(3)).toEqual(['label-contradicted']);
    expect(await labels(1, 0)(3)).toEqual([]);
    expect(await labels(1, 0)(0)).toEqual([]);
    expect(await labels(1, 1)(0)).toEqual(['mask-empty']);
  });

  test('a box of a negative case contradicts it as well', async () => {
    expect(await spoiled((c) => cells(c, 'c3').splice(6, 1, '0:1 0:1 0:1'), 'label-contradicted')).toEqual([
      ['error', 'It is labelled negative but has a bounding box.'],
    ]);
  });
});

test('voxels that are not finite are a note for who takes them as 0', async () => {
  const cohort = cleanCohort();
  const [table, volume] = [readTable('', 'c.csv'), noiseVolume(1)];
  const row = { name: 'a', patient: 'a', split: undefined, labels: [], images: ['a.nii'], line: 2 };
  const image = {
    path: 'a.nii',
    role: 'image',
    zeroed: true,
    volume: measureVolume(volume, 2),
    faults: [],
  } as const;
  const findings = checkCohort({ ...table, cases: [{ row, images: [image] }] });
  expect(told(findings, 'not-finite')).toEqual([
    ['info', '2 of its 120 voxels are NaN or infinite in float32.'],
  ]);
  expect(cohort.files.size).toBe(24);
});

test('of volumes without a table, equals are found and nothing is compared', () => {
  const facts = (path: string, seed: number, gain: number) => ({
    path,
    role: 'image' as const,
    volume: measureVolume(noiseVolume(seed, { gain, geometry: diagonal(1, 1, 2 * gain) }), 0),
    faults: [],
  });
  const findings = checkVolumes([
    facts('a.nii', 1, 1),
    facts('b.nii', 2, 2),
    facts('c.nii', 3, 50),
    facts('d.nii', 1, 1),
  ]);
  expect(findings.map(({ check, level, subject, message }) => [check, level, subject, message])).toEqual([
    ['image-twice', 'warning', 'a.nii', 'The voxels of a.nii and d.nii are the same.'],
  ]);
});

test('a table tells all its faults, in the order of reading', () => {
  const text = [
    'case,patient,split,label,image',
    'a,p,train,x,a.nii',
    ',q,test,1,b.nii',
    'c,p,validation,0,c.nii;d.nii',
    'a,r,train,1,',
    'e,s,train,1',
  ].join('\n');
  const findings = checkTable(readTable(text, 'c.csv'));
  const errors = findings.filter(({ level }) => level === 'error');
  expect(errors.map(({ check, subject }) => [check, subject.replace('c.csv, line ', '')])).toEqual([
    ['table-row', '3'],
    ['table-row', '5'],
    ['table-row', '6'],
    ['unknown-split', '3'],
    ['label-not-numeric', '2'],
    ['patient-in-two-splits', '4'],
    ['channel-files', '4'],
    ['one-class-split', 'c.csv'],
    ['one-class-split', 'c.csv'],
    ['one-class-split', 'c.csv'],
  ]);
});

test('a patient with many cases in both splits is told of once, and other patients beside', () => {
  const rows = ['a,p,train', 'b,p,validation', 'c,p,validation', 'd,q,validation', 'e,q,train', 'f,p,train'];
  const text = ['case,patient,split,label,image', ...rows.map((row, i) => `${row},1,${i}.nii`)].join('\n');
  const findings = checkTable(readTable(text, 'c.csv')).filter(
    ({ check }) => check === 'patient-in-two-splits',
  );
  expect(findings.map(({ subject, message }) => `${subject}: ${message}`)).toEqual([
    'c.csv, line 3: Patient p is in two splits: case a (line 2) in train, case b (line 3) in validation.',
    'c.csv, line 6: Patient q is in two splits: case d (line 5) in validation, case e (line 6) in train.',
  ]);
});

test('a file of several cases is opened once', async () => {
  const text =
    'case,patient,split,label,image,mask\na,,train,1,x.nii,y.nii\nb,,train,0,x.nii,\nc,,train,0,y.nii,';
  const opened: string[] = [];
  const seen: [number, number][] = [];
  const cohort: FaultCohort = { header: [], rows: [], files: new Map() };
  for (const name of ['x.nii', 'y.nii']) cohort.files.set(name, { volume: noiseVolume(name.charCodeAt(0)) });
  const facts = await gatherCohort(
    readTable(text, 'c.csv'),
    async (path, role) => {
      opened.push(`${role} ${path}`);
      return factsOf(cohort, path, role);
    },
    { onFile: (done, total) => seen.push([done, total]) },
  );
  expect(opened).toEqual(['image x.nii', 'mask y.nii', 'image y.nii']);
  expect(seen).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
  ]);
  expect(facts.cases[1].images[0]).toBe(facts.cases[0].images[0]);
});

test('clean cohorts have no errors, whatever their size, channels, labels and grids', async () => {
  const shapes = fc.tuple(
    fc.integer({ min: 2, max: 5 }),
    fc.integer({ min: 2, max: 5 }),
    fc.integer({ min: 2, max: 5 }),
  );
  const cohorts = fc.record({
    cases: fc.array(fc.record({ shape: shapes, spacing: fc.double({ min: 0.3, max: 8, noNaN: true }) }), {
      minLength: 4,
      maxLength: 9,
    }),
    channels: fc.integer({ min: 1, max: 3 }),
    gain: fc.constantFrom(1e-3, 1, 1e4),
    masks: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(cohorts, async ({ cases, channels, gain, masks }) => {
      const cohort: FaultCohort = {
        header: ['case', 'patient', 'split', 'label', 'image', 'mask'],
        rows: [],
        files: new Map(),
      };
      for (const [i, { shape, spacing }] of cases.entries()) {
        const geometry = diagonal(spacing, 1, 2);
        const label = i % 2;
        const split = i < 2 || i % 3 === 0 ? 'train' : 'validation';
        cohort.rows.push([`c${i}`, `p${i}`, split, String(label), `${i}.nii`, masks ? `m${i}.nii` : '']);
        cohort.files.set(`${i}.nii`, { volume: noiseVolume(i, { shape, channels, geometry, gain }) });
        const mask = new Float32Array(shape[0] * shape[1] * shape[2]).fill(label, 0, 2);
        cohort.files.set(`m${i}.nii`, { volume: createVolume(mask, shape, { geometry }) });
      }
      // A split with cases has both classes in four cases or more: 0 and 1 in train; in validation it may have one.
      const errors = (await findingsOf(cohort)).filter(
        ({ level, check }) => level === 'error' && check !== 'one-class-split',
      );
      expect(errors).toEqual([]);
    }),
    { numRuns: 60 },
  );
});
