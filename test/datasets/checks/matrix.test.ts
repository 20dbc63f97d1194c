/** Every check against every fault: it finds its own and no other. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { battery } from '../../../src/datasets/checks/battery.ts';
import { type Level, levels } from '../../../src/datasets/checks/check.ts';
import type { FileFault } from '../../../src/datasets/checks/facts.ts';
import { affinePlacement } from '../../../src/formats/nifti/placement.ts';
import { createVolume, type Geometry, type Volume } from '../../../src/volume/volume.ts';
import {
  addCase,
  cells,
  cleanCohort,
  diagonal,
  type FaultCohort,
  findingsOf,
  maskVolume,
  noiseVolume,
  SHAPE,
  textOf,
} from '../../support/fault-cohort.ts';

function volumeOf({ files }: FaultCohort, path: string): Volume {
  const file = files.get(path);
  if (!file || !('volume' in file)) throw new Error(`There is no volume ${path}.`);
  return file.volume;
}

const put = ({ files }: FaultCohort, path: string, volume: Volume, notFinite = 0) =>
  files.set(path, { volume, notFinite });

/** The three files of a case in another place. */
function move(cohort: FaultCohort, index: number, geometry: Geometry): void {
  for (const path of [`a${index}.nii`, `b${index}.nii`, `m${index}.nii`]) {
    put(cohort, path, { ...volumeOf(cohort, path), geometry });
  }
}

const breakFile = (cohort: FaultCohort, path: string, kind: FileFault['kind']) =>
  cohort.files.set(path, { faults: [{ kind, message: 'It is broken.', remedy: 'Mend it.' }] });

/** The change to a clean cohort that is the check's own fault; some give another text for the table. */
const faults: Readonly<
  Record<string, readonly [subject: RegExp, level: Level, spoil: (cohort: FaultCohort) => unknown]>
> = {
  'table-unreadable': [/^c\.csv$/, 'error', (c) => textOf(c).replace('c1,', '"c1,')],
  'table-columns': [
    /^c\.csv, line 1$/,
    'error',
    (c) => textOf(c).replaceAll('\n', ',x\n').replace(/$/, ',x').replace('box,x', 'box,tumour'),
  ],
  'table-row': [/^c\.csv, line 4$/, 'error', (c) => cells(c, 'c2').push('x')],
  'unknown-split': [/^c\.csv, line 4$/, 'error', (c) => cells(c, 'c2').splice(2, 1, 'Train')],
  'label-not-numeric': [/^c\.csv, line 4$/, 'error', (c) => cells(c, 'c2').splice(3, 1, 'yes')],
  'box-unreadable': [/^c\.csv, line 4$/, 'error', (c) => cells(c, 'c2').splice(6, 1, '1 2 3')],
  'case-name-twice': [/^c\.csv, line 4$/, 'error', (c) => cells(c, 'c2').splice(0, 1, 'c1')],
  'patient-in-two-splits': [/^c\.csv, line 7$/, 'error', (c) => cells(c, 'c5').splice(1, 1, 'p0')],
  'channel-files': [/^c\.csv, line 4$/, 'error', (c) => cells(c, 'c2').splice(4, 1, 'a2.nii')],
  'table-oddities': [/^c\.csv$/, 'info', (c) => `\uFEFF${textOf(c)}`],
  'patient-missing': [/^c\.csv$/, 'info', (c) => cells(c, 'c2').splice(1, 1, '')],
  'one-class-split': [
    /^c\.csv$/,
    'error',
    (c) => {
      for (const i of [5, 7]) {
        cells(c, `c${i}`)[3] = '1';
        put(c, `m${i}.nii`, maskVolume(1));
      }
    },
  ],
  'class-balance': [
    /^c\.csv$/,
    'warning',
    (c) => {
      for (let i = 20; i < 40; i++) addCase(c, i, 'train', 0);
    },
  ],
  'class-counts': [/^c\.csv$/, 'info', () => {}],
  'file-missing': [/^b2\.nii$/, 'error', (c) => breakFile(c, 'b2.nii', 'file-missing')],
  'file-unreadable': [/^m2\.nii$/, 'error', (c) => breakFile(c, 'm2.nii', 'file-unreadable')],
  'singular-affine': [/^a2\.nii$/, 'error', (c) => breakFile(c, 'a2.nii', 'singular-affine')],
  'not-finite': [/^a2\.nii$/, 'error', (c) => put(c, 'a2.nii', volumeOf(c, 'a2.nii'), 3)],
  'constant-volume': [
    /^a2\.nii$/,
    'error',
    (c) =>
      void put(
        c,
        'a2.nii',
        createVolume(new Float32Array(120).fill(5), SHAPE, { geometry: diagonal(1, 1, 2) }),
      ),
  ],
  'constant-channel': [/^b2\.nii$/, 'warning', (c) => volumeOf(c, 'b2.nii').data.fill(0, 120)],
  'forms-disagree': [
    /^a2\.nii$/,
    'warning',
    (c) => {
      const { affine } = diagonal(1, 1, 2);
      const nifti = { ...affinePlacement(affine), qoffset: [0, 0.25, 0] as const };
      put(c, 'a2.nii', { ...volumeOf(c, 'a2.nii'), geometry: { affine, nifti } });
    },
  ],
  'no-form': [
    /^m2\.nii$/,
    'warning',
    (c) => {
      const { affine } = diagonal(1, 1, 2);
      const nifti = { ...affinePlacement(affine), qformCode: 0, sformCode: 0 };
      put(c, 'm2.nii', { ...volumeOf(c, 'm2.nii'), geometry: { affine, nifti } });
    },
  ],
  'sheared-affine': [
    /^[abm]2\.nii$/,
    'warning',
    (c) => move(c, 2, { affine: [1, 0, 0.2, 0, 0, 1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1] }),
  ],
  'anisotropic-voxels': [
    /^c\.csv$/,
    'info',
    (c) => {
      for (let i = 0; i < 8; i++) move(c, i, diagonal(1, 1, 5.5));
    },
  ],
  'mixed-handedness': [/^c\.csv$/, 'info', (c) => move(c, 2, diagonal(-1, 1, 2))],
  'channel-grid': [
    /^b2\.nii$/,
    'error',
    (c) => put(c, 'b2.nii', noiseVolume(99, { channels: 2, geometry: diagonal(1, 1, 2, 5) })),
  ],
  'channels-equal': [/^case c2$/, 'warning', (c) => volumeOf(c, 'b2.nii').data.copyWithin(120, 0, 120)],
  'channel-count': [/^a2\.nii$/, 'error', (c) => put(c, 'b2.nii', noiseVolume(99, { channels: 3 }))],
  'mask-channels': [
    /^m2\.nii$/,
    'error',
    (c) => {
      const data = new Float32Array(240).fill(1, 3, 9);
      put(c, 'm2.nii', createVolume(data, SHAPE, { channels: 2, geometry: diagonal(1, 1, 2) }));
    },
  ],
  'mask-not-binary': [/^m2\.nii$/, 'warning', (c) => volumeOf(c, 'm2.nii').data.fill(255, 7, 8)],
  'mask-grid': [/^m2\.nii$/, 'error', (c) => put(c, 'm2.nii', maskVolume(1, diagonal(1, 1, 2, 0.5)))],
  'mask-empty': [/^m4\.nii$/, 'error', (c) => put(c, 'm4.nii', maskVolume(0))],
  'label-contradicted': [/^m3\.nii$/, 'error', (c) => put(c, 'm3.nii', maskVolume(2))],
  'box-outside': [/^case c2$/, 'error', (c) => cells(c, 'c2').splice(6, 1, '0:4 0:5 2:7')],
  'image-twice': [
    /^a2\.nii$/,
    'error',
    (c) => {
      for (const file of ['a', 'b']) put(c, `${file}6.nii`, volumeOf(c, `${file}2.nii`));
    },
  ],
  'spacing-outlier': [/^case c2$/, 'warning', (c) => move(c, 2, diagonal(1.5, 1, 2))],
  'shape-outlier': [
    /^case c2$/,
    'warning',
    (c) => {
      const shape = [4, 10, 6] as const;
      put(c, 'a2.nii', noiseVolume(98, { shape }));
      put(c, 'b2.nii', noiseVolume(99, { shape, channels: 2 }));
      const mask = new Float32Array(240).fill(1, 0, 3);
      put(c, 'm2.nii', createVolume(mask, shape, { geometry: diagonal(1, 1, 2) }));
    },
  ],
  'value-outlier': [/^case c2$/, 'warning', (c) => put(c, 'a2.nii', noiseVolume(99, { gain: 1000 }))],
};

describe('the battery', () => {
  test('has a fault here for each of its checks, and each name once', () => {
    expect(Object.keys(faults)).toEqual(battery.map(({ name }) => name));
  });

  test('finds nothing in a clean cohort but how many cases there are', async () => {
    const findings = await findingsOf(cleanCohort());
    expect(findings).toEqual([
      {
        check: 'class-counts',
        level: 'info',
        subject: 'c.csv',
        message: 'Cases: 2 positive and 2 negative in train; 2 positive and 2 negative in validation.',
        remedy: '',
        fixable: false,
      },
    ]);
  });

  test.each(Object.entries(faults))('%s finds its own fault and no other check does', async (name, fault) => {
    const [subject, level, spoil] = fault;
    const cohort = cleanCohort();
    const text = spoil(cohort);
    const findings = await findingsOf(cohort, typeof text === 'string' ? text : undefined);
    const found = findings.filter(({ check }) => check !== 'class-counts' || name === check);
    expect([...new Set(found.map(({ check }) => check))]).toEqual([name]);
    for (const finding of found) {
      expect(finding.level).toBe(level);
      expect(finding.subject).toMatch(subject);
      expect(finding.message).toMatch(/^[^a-z].*\.$/);
      if (level !== 'info') expect(finding.remedy).toMatch(/^[A-Z].*\.$/);
    }
    // The level of a check is that of its gravest finding.
    const { level: gravest } = battery.find((check) => check.name === name)!;
    expect(levels.indexOf(gravest)).toBeLessThanOrEqual(levels.indexOf(level));
  });

  test('finds all faults at once, the gravest first', async () => {
    const cohort = cleanCohort();
    const several = ['value-outlier', 'not-finite', 'mask-empty', 'mixed-handedness', 'unknown-split'];
    // Each in a case of its own.
    const [, , notFinite] = faults['not-finite'];
    notFinite(cohort);
    faults['mask-empty'][2](cohort);
    move(cohort, 1, diagonal(-1, 1, 2));
    put(cohort, 'a0.nii', noiseVolume(99, { gain: 1000 }));
    cells(cohort, 'c5')[2] = '';
    const findings = await findingsOf(cohort);
    const found = findings.map(({ check }) => check).filter((check) => check !== 'class-counts');
    expect(found.sort()).toEqual([...several].sort());
    const order = findings.map(({ level }) => levels.indexOf(level));
    expect(order).toEqual([...order].sort());
  });

  test('the order of the rows changes nothing but the lines', async () => {
    const names = Object.keys(faults).filter((name) => !/^table-(unreadable|columns|oddities)$/.test(name));
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.constantFrom(...names), { minLength: 1, maxLength: 4 }),
        fc.array(fc.nat(), { minLength: 28, maxLength: 28 }),
        async (chosen, random) => {
          const cohort = cleanCohort();
          // Faults that need a file that another one broke are left out.
          for (const name of chosen) {
            try {
              faults[name][2](cohort);
            } catch {
              return;
            }
          }
          const told = async () =>
            (await findingsOf(cohort))
              .map(({ check, level, subject, message }) => {
                // Of two rows that contradict each other the second one is told of.
                if (subject.startsWith('c.csv, line') || check === 'patient-missing')
                  return `${check} ${level}`;
                return JSON.stringify([check, level, subject, message]);
              })
              .sort();
          const before = await told();
          const keys = new Map(cohort.rows.map((row, i) => [row, random[i]]));
          cohort.rows.sort((a, b) => keys.get(a)! - keys.get(b)!);
          expect(await told()).toEqual(before);
        },
      ),
      { numRuns: 50 },
    );
  });
});

test('docs/validate.md tells every check with its level, what it finds and whether --fix mends it', () => {
  const text = readFileSync(new URL('../../../docs/validate.md', import.meta.url), 'utf8');
  const rows = text
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()));
  expect(rows.map(([, name]) => name.replaceAll('`', '')).sort()).toEqual(
    battery.map(({ name }) => name).sort(),
  );
  for (const [, name, level, finds, mend] of rows) {
    const check = battery.find((own) => `\`${own.name}\`` === name)!;
    expect([name, level.split(',')[0]]).toEqual([name, check.level]);
    expect(finds.length).toBeGreaterThan(10);
    expect(mend).toMatch(/\.$/);
  }
});
