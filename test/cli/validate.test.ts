/** tonno validate as its users have it: what it says, how it ends, what it leaves alone, and what it mends in a copy. */
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { createRun } from '../../src/cli/run.ts';
import { readExperiment } from '../../src/cli/study/experiment.ts';
import { planStudy } from '../../src/cli/study/plan.ts';
import { openCohort, validationStep } from '../../src/cli/study/steps.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { addValidate } from '../../src/cli/validate.ts';
import { countLine, findingLines, wrapped } from '../../src/cli/validation/lines.ts';
import type { Finding } from '../../src/datasets/checks/check.ts';
import { placementAffine } from '../../src/formats/nifti/placement.ts';
import { encodeNifti, readNiftiHeader } from '../../src/formats/nifti.ts';
import { createVolume } from '../../src/volume/volume.ts';
import { buildNifti } from '../formats/build.ts';
import { newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { blobVolume, COHORT_SHAPE, readJson, TINY, writeTinyCohort } from '../support/cohorts.ts';
import {
  MATCHED_FILTER,
  oddPlacement,
  placed,
  readVolumeFile,
  unevenVolume,
  writeVolume,
} from '../support/volumes.ts';

const folder = temporaryFolder();
const whole = join(folder, 'whole');
/** With one fault of every kind that has to do with files on the disk. */
const faulty = join(folder, 'faulty');

/** The command in this process: most of what is told here needs no program of its own. */
async function validate(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const said = { stdout: '', stderr: '' };
  const json = args.includes('--json');
  const terminal = new Terminal(json);
  terminal.print = (text) => {
    said.stdout += json ? '' : `${text}\n`;
  };
  terminal.result = (value) => {
    said.stdout += json ? `${JSON.stringify(value)}\n` : '';
  };
  terminal.log = (text) => {
    said.stderr += `${text}\n`;
  };
  const program = new Command('tonno').exitOverride();
  addValidate(
    program,
    createRun(() => terminal),
  );
  const before = process.exitCode;
  process.exitCode = 0;
  await program.parseAsync(['validate', ...args.filter((arg) => arg !== '--json')], { from: 'user' });
  const code = Number(process.exitCode);
  process.exitCode = before;
  return { code, ...said };
}

/** A copy of the clean cohort. */
function copy(): {
  home: string;
  table: string;
  image: (name: string) => string;
  edit: (from: string, to: string) => void;
} {
  const home = newFolder(folder, 'cohort-');
  cpSync(whole, home, { recursive: true });
  const table = join(home, 'cohort.csv');
  return {
    home,
    table,
    image: (name) => join(home, 'images', `${name}.nii.gz`),
    edit: (from, to) => writeFileSync(table, readFileSync(table, 'utf8').replace(from, to)),
  };
}

const noNumbers = () => {
  const volume = blobVolume(1, false);
  for (const at of [3, 99]) volume.data[at] = at === 3 ? Number.NaN : Number.POSITIVE_INFINITY;
  return volume;
};

const mask = (value: number, marked = 20) =>
  createVolume(new Float32Array(12 ** 3).fill(value, 700, 700 + marked), COHORT_SHAPE);

/** int16 with a sform and a qform that is 3 mm off. */
const twoForms = (values: readonly number[]) =>
  buildNifti({
    type: 'int16',
    lengths: [...COHORT_SHAPE],
    values,
    fields: {
      qform_code: 1,
      sform_code: 2,
      quatern: [0, 0, 0],
      qoffset: [3, 0, 0],
      srow: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    },
  });

beforeAll(async () => {
  await writeTinyCohort(whole, { train: 4, validation: 2 });
  cpSync(whole, faulty, { recursive: true });
  mkdirSync(join(faulty, 'masks'));
  await writeVolume(join(faulty, 'images', 'train-2.nii.gz'), noNumbers());
  const values = Array.from(blobVolume(2, true).data, (value) => Math.round(100 * value));
  writeFileSync(join(faulty, 'images', 'train-3.nii'), twoForms(values));
  await writeVolume(join(faulty, 'masks', 'one.nii.gz'), mask(2));
  const elsewhere = mask(1);
  await writeVolume(join(faulty, 'masks', 'two.nii'), {
    ...elsewhere,
    geometry: { affine: elsewhere.geometry.affine.with(3, 30) },
  });
  const table = readFileSync(join(faulty, 'cohort.csv'), 'utf8')
    .replaceAll('.nii.gz\n', '.nii.gz,\n')
    .replace('image\n', 'image,mask\n')
    .replace('train-3.nii.gz', 'train-3.nii')
    .replace('validation-1.nii.gz,', 'validation-1.nii.gz,masks/one.nii.gz')
    .replace('train-1.nii.gz,', 'train-1.nii.gz, masks/two.nii');
  writeFileSync(join(faulty, 'cohort.csv'), `\uFEFF${table}`);
  writeFileSync(join(faulty, 'cohort.json'), '{"preprocessing":{}}');
});

/** Name, bytes and time of every file. */
const stateOf = (home: string) =>
  readdirSync(home, { recursive: true, encoding: 'utf8' })
    .sort()
    .map((name) => {
      const path = join(home, name);
      const { mtimeMs, size } = statSync(path);
      const bytes = statSync(path).isFile()
        ? createHash('sha256').update(readFileSync(path)).digest('hex')
        : '';
      return `${name} ${size} ${mtimeMs} ${bytes}`;
    });

const checksOf = (stdout: string) =>
  (JSON.parse(stdout).findings as Finding[]).map(({ check, level }) => `${level} ${check}`);

describe('what it says, and how it ends', () => {
  test('of a clean cohort: 0, and how many cases there are', async () => {
    const { stdout, stderr } = await succeed(['validate', 'cohort.csv'], { cwd: whole });
    expect(stderr).toBe('');
    expect(stdout).toContain('  cohort.csv: Cases: 2 positive and 2 negative in train;');
    expect(stdout).toMatch(/\n6 cases in 6 files: no errors, no warnings and 2 notes\.\n$/);
  });

  test('of a faulty one: 1, all findings with the gravest first, in 80 columns', async () => {
    const before = stateOf(faulty);
    const { code, stdout, stderr } = await tonno(['validate', 'cohort.csv'], { cwd: faulty });
    expect([code, stderr]).toEqual([1, '']);
    expect(stdout.split('\n').filter((line) => line.length > 80)).toEqual([]);
    expect(stdout.split('\n').filter((line) => /^(error|warning|note) /.test(line))).toEqual([
      'error  not-finite (--fix mends it)',
      'error  mask-grid',
      'warning  forms-disagree (--fix mends it)',
      'warning  mask-not-binary (--fix mends it)',
      'warning  value-outlier',
      'note  table-oddities (--fix mends it)',
      'note  patient-missing (--fix mends it)',
      'note  class-counts',
    ]);
    expect(stdout).toContain(
      '  images/train-2.nii.gz: 2 of its 1728 voxels are NaN or infinite in float32.\n',
    );
    expect(stdout).toMatch(/\n6 cases in 8 files: 2 errors, 3 warnings and 3 notes\.\n$/);
    // It only reads: no byte, no time and no file is another.
    expect(stateOf(faulty)).toEqual(before);
  });

  test('--json tells all as one object, whatever is printed', async () => {
    const path = join(faulty, 'cohort.csv');
    const { code, stdout } = await validate(path, '--json', '--level', 'error');
    expect(code).toBe(1);
    expect(stdout.trimEnd()).not.toContain('\n');
    expect(checksOf(stdout)).toHaveLength(8);
    expect(JSON.parse(stdout)).toMatchObject({
      command: 'validate',
      cohort: path,
      classes: ['label'],
      cases: 6,
      files: 8,
      counts: { error: 2, warning: 3, info: 3 },
    });
    expect(JSON.parse(stdout).findings[1]).toEqual({
      check: 'mask-grid',
      level: 'error',
      subject: join(faulty, 'masks/two.nii'),
      message:
        'It lies elsewhere in the world than the image of case train-1: voxels are up to 30.0 mm apart.',
      remedy: 'Write the mask on the grid of the image; nothing is resampled without being asked.',
      fixable: false,
    });
  });

  test('--level leaves out what is less', async () => {
    const { stdout } = await validate(join(faulty, 'cohort.csv'), '--level', 'error');
    expect(stdout.split('\n').filter((line) => /^(error|warning|note) /.test(line))).toHaveLength(2);
    expect(stdout).toContain('2 errors, 3 warnings and 3 notes.');
  });

  test('warnings alone end with 0', async () => {
    const own = copy();
    cpSync(own.image('train-1'), own.image('train-3'));
    const { stdout } = await validate(own.table, '--json');
    expect(checksOf(stdout)).toEqual(['warning image-twice', 'info patient-missing', 'info class-counts']);
  });

  test('tells every fault of a table and of its files, damaged ones too', async () => {
    const own = copy();
    own.edit('train-1,,train,1', 'train-1,P,train,yes');
    own.edit('validation-1,,validation', 'validation-1,P,validation');
    own.edit('train-4,,train', 'train-4,,test');
    rmSync(own.image('train-2'));
    writeFileSync(own.image('train-3'), readFileSync(own.image('train-3')).subarray(0, 900));
    const flat = { qform_code: 0, srow: new Array(12).fill(0), datatype: 1 };
    writeFileSync(own.image('validation-2'), buildNifti({ fields: flat }));
    const { code, stdout, stderr } = await validate(own.table, '--json');
    expect([code, stderr]).toEqual([1, '']);
    expect(checksOf(stdout).filter((line) => line.startsWith('error'))).toEqual([
      'error unknown-split',
      'error label-not-numeric',
      'error patient-in-two-splits',
      'error file-missing',
      'error file-unreadable',
      'error file-unreadable',
      'error singular-affine',
    ]);
  });

  test('a table that is none, whatever it is called', async () => {
    const own = newFolder(folder);
    writeFileSync(join(own, 'notes'), 'We scanned on Monday.\n');
    writeFileSync(join(own, 'empty.csv'), '');
    const words = await validate(join(own, 'notes'), '--json');
    expect([words.code, checksOf(words.stdout)]).toEqual([1, ['error table-columns']]);
    const nothing = await validate(join(own, 'empty.csv'), '--json');
    expect([nothing.code, checksOf(nothing.stdout)]).toEqual([1, ['error table-unreadable']]);
  });

  test('--nan zero and --int64 convert check what will be read so', async () => {
    const own = newFolder(folder);
    await writeVolume(join(own, 'a.nii'), noNumbers());
    writeFileSync(join(own, 'b.nii'), buildNifti({ type: 'int64' }));
    const paths = [join(own, 'a.nii'), join(own, 'b.nii')];
    const strict = await validate(...paths, '--json');
    expect(checksOf(strict.stdout)).toEqual(['error file-unreadable', 'error not-finite']);
    const { stdout } = await validate(...paths, '--nan', 'zero', '--int64', 'convert', '--json');
    expect(checksOf(stdout)).toEqual(['info not-finite']);
  });

  test('volumes: each for itself, and the same twice; one that is missing is a finding', async () => {
    const own = newFolder(folder);
    await writeVolume(join(own, 'a.nii'), blobVolume(1, true));
    await writeVolume(join(own, 'b.nii.gz'), blobVolume(1, true));
    await writeVolume(join(own, 'odd.nii'), unevenVolume([6, 7, 8], placed(oddPlacement)));
    const names = ['a.nii', 'b.nii.gz', 'odd.nii', 'none.nii'];
    const { code, stdout } = await tonno(['validate', '--json', ...names], { cwd: own });
    expect(code).toBe(1);
    expect(checksOf(stdout)).toEqual([
      'error file-missing',
      'warning forms-disagree',
      'warning sheared-affine',
      'warning image-twice',
    ]);
    expect(JSON.parse(stdout).volumes).toEqual(names);
  });

  test('a table beside volumes, and a level that is none, end with 2', async () => {
    const table = join(whole, 'cohort.csv');
    const beside = await validate(table, join(whole, 'images', 'train-1.nii.gz'));
    expect([beside.code, beside.stderr]).toEqual([
      2,
      `error: ${table}: It is a table, and there are other files beside it. Give one table, or volumes alone.\n`,
    ]);
    expect((await tonno(['validate', table, '--level', 'fatal'])).code).toBe(2);
  });
});

describe('--fix', () => {
  test('mends in a copy what needs no decision, and tells what is left', async () => {
    const before = stateOf(faulty);
    const out = join(folder, 'mended');
    const { code, stdout } = await validate(join(faulty, 'cohort.csv'), '--fix', out);
    expect(code).toBe(1);
    expect(stdout).toContain('mended  images/train-2.nii.gz: 2 voxels that were not finite are 0.\n');
    expect(stdout.split('\n').filter((line) => /^(error|warning|note) /.test(line))).toEqual([
      'error  mask-grid',
      'warning  value-outlier',
      'note  class-counts',
    ]);
    expect(stateOf(faulty)).toEqual(before);

    // Voxels: 0 where they were no numbers, and all others as they were.
    const zeroed = await readVolumeFile(join(out, 'images', 'train-2.nii.gz'));
    const expected = blobVolume(1, false).data;
    expected[3] = 0;
    expected[99] = 0;
    expect(zeroed.data).toEqual(expected);
    const one = readFileSync(join(out, 'masks', 'one.nii.gz'));
    expect((await readNiftiHeader(one, 'one')).datatype).toBe('uint8');
    expect((await readVolumeFile(join(out, 'masks', 'one.nii.gz'))).data).toEqual(mask(1).data);

    // A qform is written and nothing else: not one other byte.
    const [old, now] = [faulty, out].map((home) => readFileSync(join(home, 'images', 'train-3.nii')));
    const changed = [...old.keys()].filter((i) => old[i] !== now[i]);
    expect(now.length).toBe(old.length);
    // pixdim[0], qform_code and qoffset_x.
    expect(changed.every((i) => (i >= 76 && i < 92) || (i >= 252 && i < 280))).toBe(true);
    const { nifti } = (await readNiftiHeader(now, 'now')).geometry;
    expect(nifti.qformCode).toBe(2);
    expect(placementAffine({ ...nifti, sformCode: 0 })).toEqual(placementAffine(nifti));

    // Everything else byte for byte, with the record of the preprocessing.
    for (const name of ['images/train-1.nii.gz', 'masks/two.nii']) {
      expect(readFileSync(join(out, name)).equals(readFileSync(join(faulty, name)))).toBe(true);
    }
    expect(readFileSync(join(out, 'cohort.json'), 'utf8')).toBe('{"preprocessing":{}}');
    expect(readFileSync(join(out, 'cohort.csv'), 'utf8')).toContain(
      'case,patient,split,label,image,mask\ntrain-1,train-1,train,1,images/train-1.nii.gz,masks/two.nii\n',
    );
    expect(readJson(out, 'validation.json')).toMatchObject({
      source: join(faulty, 'cohort.csv'),
      table: [
        'Byte order mark and spaces around cells are gone.',
        'Cases without a patient have their own name there.',
      ],
      mended: [
        { file: 'images/train-2.nii.gz', changes: ['2 voxels that were not finite are 0.'] },
        { file: 'images/train-3.nii', changes: ['Its qform says what its sform says.'] },
        { file: 'masks/one.nii.gz', changes: ['All that was not 0 is 1.'] },
      ],
      copied: 5,
    });
  });

  test('of a packed file unpacks to the same voxels, of files from elsewhere makes the copy whole', async () => {
    const own = copy();
    const values = Array.from(blobVolume(2, true).data, (value) => Math.round(100 * value));
    const outside = join(newFolder(folder), 'far.nii.gz');
    const plain = twoForms(values);
    writeFileSync(outside, await gzipped(plain));
    own.edit('images/train-3.nii.gz', outside);
    own.edit('images/train-1.nii.gz', `../${own.home.split(/[\\/]/).at(-1)}/images/train-1.nii.gz`);
    const out = join(folder, 'stray');
    const { stdout } = await validate(own.table, '--fix', out, '--json');
    expect(JSON.parse(stdout).fixed).toMatchObject({
      folder: out,
      table: join(out, 'cohort.csv'),
      mended: [{ file: 'files/far.nii.gz', from: outside }],
      copied: 5,
    });
    const mended = gunzipSync(readFileSync(join(out, 'files', 'far.nii.gz')));
    expect(mended.subarray(352).equals(Buffer.from(plain.subarray(352)))).toBe(true);
    const table = readFileSync(join(out, 'cohort.csv'), 'utf8');
    expect(table).toContain(',files/far.nii.gz,');
    expect(table).toContain(',images/train-1.nii.gz,');
    // The copy needs nothing of the source.
    rmSync(own.home, { recursive: true });
    rmSync(outside);
    await validate(join(out, 'cohort.csv'));
  });

  test('a column patient that is missing is written, with a patient for each case', async () => {
    const own = copy();
    const text = readFileSync(own.table, 'utf8');
    writeFileSync(own.table, text.replace('case,patient', 'case').replaceAll(/^(\S+?),,/gm, '$1,'));
    const before = await validate(own.table, '--json');
    expect(checksOf(before.stdout)[0]).toBe('error table-columns');
    const out = join(folder, 'patients');
    const { stdout } = await validate(own.table, '--fix', out, '--json');
    expect(checksOf(stdout)).toEqual(['info class-counts']);
    expect(readFileSync(join(out, 'cohort.csv'), 'utf8')).toContain('\ntrain-1,train-1,train,1,');
  });

  test('of volumes copies all of them into one folder, under names of their own', async () => {
    const own = newFolder(folder);
    mkdirSync(join(own, 'x'));
    await writeVolume(join(own, 'a.nii'), noNumbers());
    await writeVolume(join(own, 'x', 'a.nii'), blobVolume(4, true));
    const out = join(folder, 'volumes');
    const { stdout } = await succeed(['validate', 'a.nii', 'x/a.nii', '--fix', out, '--json'], { cwd: own });
    expect(checksOf(stdout)).toEqual([]);
    expect(readdirSync(out).sort()).toEqual(['a.nii', 'a_2.nii', 'validation.json']);
    expect(readFileSync(join(out, 'a_2.nii')).equals(readFileSync(join(own, 'x', 'a.nii')))).toBe(true);
  });

  test.each<[string, number, (own: ReturnType<typeof copy>) => string, RegExp]>([
    [
      'the cohort’s own folder',
      2,
      (own) => own.home,
      /: The files that are to be mended lie in this folder\. Name a new folder with --fix: nothing is mended in place\.\n$/,
    ],
    [
      'a folder with something in it',
      2,
      () => {
        const taken = newFolder(folder);
        writeFileSync(join(taken, 'letter'), '');
        return taken;
      },
      /: The folder is not empty\. Name a new folder with --fix, or empty this one\.\n$/,
    ],
    [
      'a table that only its author can mend',
      1,
      (own) => {
        own.edit('train-2,,train,0', 'train-2,,train,maybe');
        return join(own.home, 'out');
      },
      /, line 3: Case train-2 has "maybe" in the column label\. .*\(--fix copies no table with such errors\.\)\n$/,
    ],
    [
      'a file that is missing',
      1,
      (own) => {
        rmSync(own.image('train-2'));
        return join(own.home, 'out');
      },
      /train-2\.nii\.gz: There is no such file, and no copy without it\. .*\n$/,
    ],
  ])('refuses %s', async (_, ends, spoil, sentence) => {
    const own = copy();
    const out = spoil(own);
    const before = stateOf(own.home);
    const { code, stdout, stderr } = await validate(own.table, '--fix', out);
    expect([code, stdout]).toEqual([ends, '']);
    expect(stderr).toMatch(sentence);
    expect(stateOf(own.home)).toEqual(before);
  });
});

async function gzipped(bytes: Uint8Array): Promise<Uint8Array> {
  const { gzip } = await import('../../src/formats/bytes.ts');
  return gzip([bytes]);
}

describe.concurrent('before a training and a study', () => {
  test('train tells all errors and writes nothing; --no-validate goes on', async () => {
    const own = copy();
    await writeVolume(own.image('train-2'), createVolume(new Float32Array(12 ** 3).fill(5), COHORT_SHAPE));
    cpSync(own.image('train-3'), own.image('validation-1'));
    const out = join(newFolder(folder), 'run');
    const args = ['train', own.table, '-o', out, ...TINY, '--steps', 1, '--normalise', 'none'];
    const { code, stdout, stderr } = await tonno(args);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(
      [
        `  ${own.image('train-2')}: All voxels are 5. Check that this is the right volume, or take the case out.`,
        `  ${own.image('train-3')}: The voxels of train-3 and validation-1 are the same, in two splits. Keep one of them, or name the right files.`,
        `error: ${own.table}: There are 2 errors in the cohort. \`tonno validate\` tells all that can be said about them.`,
        '',
      ].join('\n'),
    );
    expect(existsSync(out)).toBe(false);
    await succeed([...args, '--no-validate']);
    expect(readJson(out, 'run.json').options).not.toHaveProperty('validate');
  });

  test('train tells warnings, and does not look again when it is gone on with', async () => {
    const own = copy();
    cpSync(own.image('train-1'), own.image('train-3'));
    const out = join(newFolder(folder), 'run');
    const { stderr } = await succeed(['train', own.table, '-o', out, ...TINY, '--steps', 1]);
    const warning = `warning: ${own.image('train-1')}: The voxels of train-1 and train-3 are the same. Keep one of them, or name the right files.\n`;
    expect(stderr.startsWith(warning)).toBe(true);
    // As if it had been stopped.
    const record = readJson(out, 'run.json');
    writeFileSync(join(out, 'run.json'), JSON.stringify({ ...record, status: 'interrupted' }));
    const again = await succeed(['train', own.table, '-o', out, '--resume']);
    expect(again.stderr).toContain('Going on after step 1 of 1.');
    expect(again.stderr).not.toContain('warning');
  });

  test('an experiment looks at the masks as well, once; without a training at the validation cases alone', async () => {
    const own = copy();
    mkdirSync(join(own.home, 'masks'));
    const path = join(own.home, 'masks', 'm.nii.gz');
    writeFileSync(path, await encodeNifti(mask(0), { datatype: 'uint8', gzip: true }));
    own.edit('image\n', 'image,mask\n');
    const text = readFileSync(own.table, 'utf8').replaceAll('.nii.gz\n', '.nii.gz,\n');
    writeFileSync(own.table, text.replace('validation-1.nii.gz,', 'validation-1.nii.gz,masks/m.nii.gz'));
    // No concern of this study.
    writeFileSync(own.image('train-1'), 'damaged');
    const file = join(own.home, 'experiment.json');
    writeFileSync(
      file,
      JSON.stringify({
        title: 'Checked',
        cohort: 'cohort.csv',
        encoders: [{ name: 'by hand', file: MATCHED_FILTER }],
        heatmaps: [{ method: 'tonno', size: 32, directions: 2, slices: 8 }],
        evaluation: { folds: 1 },
        report: { gallery: 0, comparison: false },
      }),
    );
    const study = join(own.home, 'study');
    const args = ['experiment', file, '--out', study];
    const refused = await tonno(args);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toBe(
      `[1/4] Checking the cohort\nerror: ${path}: It is empty, and case validation-1 is labelled positive. Mend the label or the mask, or leave the mask out if it was never drawn.\n`,
    );
    expect(readdirSync(study)).toEqual(['validation']);

    writeFileSync(path, await encodeNifti(mask(1, 21), { datatype: 'uint8', gzip: true }));
    const terminal = new Terminal(false);
    const told: string[] = [];
    terminal.log = (line) => {
      told.push(line);
    };
    const plan = planStudy(await readExperiment(file), file);
    const run = createRun(() => terminal);
    const cohort = await openCohort(own.table, undefined);
    const look = () => validationStep(cohort, { plan, folder: study, run });
    const first = await look();
    expect([first.taken, told]).toEqual([true, []]);
    expect(await look()).toEqual({ ...first, taken: false });
    expect(readJson(study, first.folder, 'findings.json')).toEqual([]);
  }, 60_000);
});

describe('lines', () => {
  const finding = (subject: string, message: string): Finding => ({
    check: 'no-form',
    level: 'warning',
    subject,
    message,
    remedy: 'Do this.',
    fixable: false,
  });

  test('of many findings of one check tell five', () => {
    const many = Array.from({ length: 8 }, (_, i) => finding(`${i}.nii`, 'It has none.'));
    expect(findingLines(many, 'info')).toEqual([
      'warning  no-form',
      ...[0, 1, 2, 3, 4].map((i) => `  ${i}.nii: It has none.`),
      '  … and 3 more; --json tells all',
      '  → Do this.',
      '',
    ]);
    expect(findingLines(many, 'error')).toEqual([]);
    expect(countLine(many)).toBe('no errors, 8 warnings and no notes');
  });

  test('break between words, and leave a long word whole', () => {
    expect(wrapped(`${'word '.repeat(20)}end`, '  ', '    ')).toEqual([
      `  ${'word '.repeat(15)}`.trimEnd(),
      `    ${'word '.repeat(5)}end`,
    ]);
    const path = 'x'.repeat(100);
    expect(wrapped(`a ${path} b`, '', '  ')).toEqual(['a', `  ${path}`, '  b']);
  });
});
