import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseCohort, requireBothClasses } from '../../src/datasets/cohort.ts';
import { phantomCohort } from '../../src/datasets/phantom-cohort.ts';
import { VERSION } from '../../src/version.ts';
import type { Volume } from '../../src/volume/volume.ts';
import { filesIn, newFolder, start, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { headerBytes, readVolumeFile } from '../support/volumes.ts';

const folder = temporaryFolder();
const SMALL = ['--size', 40, '--train', 4, '--validation', 2];
const phantom = (out: string, ...options: (string | number)[]) =>
  ['prepare', 'phantom', '--out', out, ...SMALL, ...options] as const;

/** The bytes of every file by its path in a folder. */
function contents(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  return Object.fromEntries(
    paths.map((path) => [path.slice(root.length + 1).replaceAll('\\', '/'), hash(path)]),
  );
}

const sameBytes = (a: Volume, b: Volume) => Buffer.from(a.data.buffer).equals(Buffer.from(b.data.buffer));

/** A cohort to look at and to copy, not to work in. */
const whole = join(folder, 'whole');
beforeAll(async () => {
  const { stdout, stderr } = await succeed(phantom(whole));
  expect(stdout).toBe(`${join(whole, 'cohort.csv')}\n`);
  expect(stderr).toBe('6 phantoms of 40 × 40 × 40 voxels, 3 with lesions.\n');
});

function copy(): string {
  const own = newFolder(folder);
  cpSync(whole, own, { recursive: true });
  return own;
}

describe.concurrent('tonno prepare phantom', () => {
  test('writes images, masks of the positives and a table that names them', () => {
    expect(filesIn(whole)).toEqual([
      'cohort.csv',
      'cohort.json',
      'train-001.nii.gz',
      'train-001_mask.nii.gz',
      'train-002.nii.gz',
      'train-003.nii.gz',
      'train-003_mask.nii.gz',
      'train-004.nii.gz',
      'validation-001.nii.gz',
      'validation-001_mask.nii.gz',
      'validation-002.nii.gz',
    ]);
    expect(readFileSync(join(whole, 'cohort.csv'), 'utf8')).toBe(
      [
        'case,patient,split,label,image,mask',
        'train-001,train-001,train,1,images/train-001.nii.gz,masks/train-001_mask.nii.gz',
        'train-002,train-002,train,0,images/train-002.nii.gz,',
        'train-003,train-003,train,1,images/train-003.nii.gz,masks/train-003_mask.nii.gz',
        'train-004,train-004,train,0,images/train-004.nii.gz,',
        'validation-001,validation-001,validation,1,images/validation-001.nii.gz,masks/validation-001_mask.nii.gz',
        'validation-002,validation-002,validation,0,images/validation-002.nii.gz,',
        '',
      ].join('\n'),
    );
  });

  test('writes the voxels of the library’s cohort, where its table says', async () => {
    const cohort = parseCohort(readFileSync(join(whole, 'cohort.csv'), 'utf8'), 'cohort.csv');
    requireBothClasses(cohort, 'train');
    requireBothClasses(cohort, 'validation');
    const made = [...phantomCohort({ shape: [40, 40, 40], train: 4, validation: 2 })];
    expect(cohort.cases).toEqual(made.map((one) => one.case));
    for (const { case: row, image, mask } of made) {
      const read = await readVolumeFile(join(whole, row.images[0]));
      expect(sameBytes(read, image)).toBe(true);
      expect(read.geometry.affine).toEqual(image.geometry.affine);
      if (row.mask) expect(sameBytes(await readVolumeFile(join(whole, row.mask)), mask)).toBe(true);
    }
  });

  test('writes float32 images and uint8 masks that say what they are', () => {
    const about = (path: string) => {
      const header = headerBytes(join(whole, path));
      return [header.readInt16LE(70), header.subarray(148, 228).toString('latin1').split('\0')[0]];
    };
    expect(about('images/train-003.nii.gz')).toEqual([16, `tonno ${VERSION} phantom train-003 seed=0`]);
    expect(about('masks/train-003_mask.nii.gz')).toEqual([2, `tonno ${VERSION} phantom train-003 seed=0`]);
  });

  test('gives the same bytes for the same seed and others for another', async () => {
    const [again, other] = [newFolder(folder), newFolder(folder)];
    await succeed(phantom(again, '--seed', 0, '--lesions', '1,3'));
    expect(contents(again)).toEqual(contents(whole));
    await succeed(phantom(other, '--seed', 1, '--lesions', 2));
    const [ours, theirs] = [contents(whole), contents(other)];
    expect(Object.keys(theirs)).toEqual(Object.keys(ours));
    const same = Object.keys(ours).filter((path) => ours[path] === theirs[path]);
    expect(same).toEqual(['cohort.csv']);
  });

  test('takes a side for each axis and radii of lesions', async () => {
    const out = newFolder(folder);
    const { stderr } = await succeed([
      ...['prepare', 'phantom', '--out', out, '--train', 2, '--validation', 2],
      ...['--size', '40,44,48', '--lesions', 1, '--lesion-radius', '3,4'],
    ]);
    expect(stderr).toBe('4 phantoms of 40 × 44 × 48 voxels, 2 with lesions.\n');
    const { settings } = JSON.parse(readFileSync(join(out, 'cohort.json'), 'utf8'));
    expect(settings).toMatchObject({ shape: [40, 44, 48], lesionRadius: [3, 4] });
    const { data, shape } = await readVolumeFile(join(out, 'masks/train-001_mask.nii.gz'));
    expect(shape).toEqual([40, 44, 48]);
    // A ball of radius 3 to 4, soft edges and all.
    const voxels = data.reduce((sum, value) => sum + value, 0);
    expect(voxels).toBeGreaterThan(70);
    expect(voxels).toBeLessThan(330);
  });

  test.each([
    ['before', (args: readonly (string | number)[]) => ['--json', ...args]],
    ['after', (args: readonly (string | number)[]) => [...args, '--json']],
    ['within', ([first, ...args]: readonly (string | number)[]) => [first, '--json', ...args]],
  ])('says all as JSON with --json %s its name', async (_, place) => {
    const out = newFolder(folder);
    const { stdout } = await succeed(place(phantom(out, '--lesions', 2)));
    const { settings, ...said } = JSON.parse(stdout);
    expect(said).toEqual({
      command: 'prepare phantom',
      table: join(out, 'cohort.csv'),
      cases: 6,
      positives: 3,
      made: 6,
      kept: 0,
    });
    expect(settings).toMatchObject({
      shape: [40, 40, 40],
      train: 4,
      validation: 2,
      seed: 0,
      lesions: [2, 2],
    });
    expect(JSON.parse(readFileSync(join(out, 'cohort.json'), 'utf8'))).toEqual({
      software: { name: 'tonno', version: VERSION },
      source: 'phantom',
      settings,
    });
  });
});

describe.concurrent('going on with a folder', () => {
  test('makes what is missing and leaves what is there', async () => {
    const out = copy();
    for (const path of ['cohort.csv', 'images/train-002.nii.gz', 'masks/train-003_mask.nii.gz']) {
      rmSync(join(out, path));
    }
    // Were it made again, this would be gone.
    writeFileSync(join(out, 'images/train-001.nii.gz'), 'kept');
    const { stderr } = await succeed(phantom(out));
    expect(stderr).toBe('6 phantoms of 40 × 40 × 40 voxels, 3 with lesions; 4 were there already.\n');
    expect(readFileSync(join(out, 'images/train-001.nii.gz'), 'utf8')).toBe('kept');
    const [now, before] = [contents(out), contents(whole)];
    expect({ ...now, 'images/train-001.nii.gz': '' }).toEqual({ ...before, 'images/train-001.nii.gz': '' });
  });

  // Windows has no signals to send.
  test.skipIf(process.platform === 'win32')(
    'after an interruption ends in the same bytes (skipped on Windows, which has none)',
    async () => {
      const out = newFolder(folder);
      const run = start(['prepare', 'phantom', '--out', out, '--size', 40, '--train', 30, '--validation', 2]);
      while (filesIn(join(out, 'images')).length < 3) await wait(5);
      run.process.kill('SIGINT');
      const { code, stdout, stderr } = await run.outcome;
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toMatch(/Interrupted by SIGINT\.\n$/);
      const left = contents(out);
      expect(Object.keys(left)).toContain('cohort.json');
      expect(Object.keys(left)).not.toContain('cohort.csv');
      expect(Object.keys(left).filter((path) => path.includes('.tmp'))).toEqual([]);

      const fresh = newFolder(folder);
      const again = ['--size', 40, '--train', 30, '--validation', 2];
      const { stdout: said } = await succeed(['prepare', 'phantom', '--out', out, ...again, '--json']);
      expect(JSON.parse(said).kept).toBeGreaterThan(1);
      await succeed(['prepare', 'phantom', '--out', fresh, ...again]);
      expect(contents(out)).toEqual(contents(fresh));
    },
  );

  async function refusal(out: string, ...options: (string | number)[]): Promise<[number | null, string]> {
    const before = contents(out);
    const { code, stdout, stderr } = await tonno(phantom(out, ...options));
    expect(stdout).toBe('');
    expect(contents(out)).toEqual(before);
    return [code, stderr];
  }

  test('is refused with other settings, and says which', async () => {
    const out = copy();
    expect(await refusal(out, '--seed', 7)).toEqual([
      1,
      `error: ${join(out, 'cohort.json')}: The folder holds a cohort with other settings: settings.seed is 0 there and 7 here. Give the same settings to go on with it, or another folder with --out.\n`,
    ]);
    expect((await refusal(out, '--lesions', '1,2'))[1]).toContain(
      'settings.lesions is [1,3] there and [1,2] here',
    );
  });

  test('is refused where another program’s or version’s record lies', async () => {
    const out = copy();
    const path = join(out, 'cohort.json');
    const record = readFileSync(path, 'utf8');
    writeFileSync(path, record.replace(`"${VERSION}"`, '"0.0.1"'));
    expect((await refusal(out))[1]).toContain(`software.version is "0.0.1" there and "${VERSION}" here`);
    writeFileSync(path, '{}');
    expect((await refusal(out))[1]).toContain('software.name is missing there and "tonno" here');
    writeFileSync(path, record.slice(0, 40));
    expect(await refusal(out)).toEqual([
      1,
      `error: ${path}: It is not JSON, and does not say how the cohort in its folder was made. Give another folder with --out.\n`,
    ]);
  });

  test('is refused where a table or volumes lie that nothing is known about', async () => {
    const [out, tables] = [newFolder(folder), newFolder(folder)];
    mkdirSync(join(out, 'images'));
    writeFileSync(join(tables, 'cohort.csv'), 'case\n');
    const sentence =
      'It is there already, without a cohort.json that says how it was made. Give another folder with --out.';
    expect(await refusal(out)).toEqual([1, `error: ${join(out, 'images')}: ${sentence}\n`]);
    expect(await refusal(tables)).toEqual([1, `error: ${join(tables, 'cohort.csv')}: ${sentence}\n`]);
  });

  test('is refused where the table has been worked on', async () => {
    const out = copy();
    const table = join(out, 'cohort.csv');
    writeFileSync(table, readFileSync(table, 'utf8').replace('train-002,train-002', 'train-002,somebody'));
    expect(await refusal(out)).toEqual([
      1,
      `error: ${table}: It has been changed since it was written. Keep it as it is, or move it away to have it written again.\n`,
    ]);
  });
});

describe.concurrent('wrong usage', () => {
  test.each<[string, (string | number)[], string]>([
    ['no folder', ['prepare', 'phantom'], "required option '-o, --out <folder>' not specified"],
    ['one case', phantom('x', '--train', 1).slice(), 'It must be a whole number from 2 to 100000.'],
    ['a tiny volume', phantom('x', '--size', 39).slice(), 'It must be a whole number from 40 to 512.'],
    ['a tiny side', phantom('x', '--size', '64,39,64').slice(), 'It must be a whole number from 40 to 512.'],
    ['two sides', phantom('x', '--size', '64,64').slice(), 'or three such as 48,64,64.'],
    [
      'radii in the wrong order',
      phantom('x', '--lesion-radius', '6,3').slice(),
      'the least and the most such as 3,6.',
    ],
    [
      'lesions in the wrong order',
      phantom('x', '--lesions', '3,1').slice(),
      'the fewest and the most such as 1,3.',
    ],
    ['no lesions', phantom('x', '--lesions', 0).slice(), 'the fewest and the most such as 1,3.'],
    [
      'three numbers of lesions',
      phantom('x', '--lesions', '1,2,3').slice(),
      'the fewest and the most such as 1,3.',
    ],
    ['an unknown source', ['prepare', 'brats'], "unknown command 'brats'"],
  ])('%s ends with 2', async (_, args, words) => {
    const { code, stdout, stderr } = await tonno(args, { cwd: folder });
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(words);
    expect(filesIn(join(folder, 'x'))).toEqual([]);
  });

  test('more lesions than find room end with 2 and no table', async () => {
    const out = newFolder(folder);
    const { code, stderr } = await tonno(phantom(out, '--lesions', 9));
    expect(code).toBe(2);
    expect(stderr).toMatch(
      /^error: lesionPhantom of 40×40×40 voxels: Only \d of 9 lesions found room in the body\. Ask for fewer or smaller lesions, or for a larger shape\.\n$/,
    );
    expect(filesIn(out)).toEqual(['cohort.json']);
  });

  test('--help names the sources and their options', async () => {
    expect((await succeed(['prepare', '--help'])).stdout).toMatch(
      /phantom .*phantoms with and without lesions/,
    );
    const { stdout } = await succeed(['prepare', 'phantom', '--help']);
    expect(stdout).toMatch(/--lesions <least,most> .*default: \[1,3\]/);
    expect(stdout).toMatch(/--json /);
  });
});
