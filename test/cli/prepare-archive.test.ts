/** tonno prepare of archives, from the folder that was unpacked to the table. */
import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Command } from 'commander';
import { beforeAll, describe, expect, test } from 'vitest';
import { cohortPreprocessing } from '../../src/cli/cohort-record.ts';
import { type ArchiveOptions, countRemarks, prepareArchive } from '../../src/cli/prepare/archive.ts';
import { addPrepare } from '../../src/cli/prepare.ts';
import { messageOf, type Run } from '../../src/cli/run.ts';
import { openCohort } from '../../src/cli/study/steps.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import type { AdapterSettings } from '../../src/datasets/adapter.ts';
import { adapters } from '../../src/datasets/adapters.ts';
import { readMetadata } from '../../src/encoders/metadata.ts';
import { parseModel } from '../../src/onnx/model.ts';
import { VERSION } from '../../src/version.ts';
import { createVolume } from '../../src/volume/volume.ts';
import { decimals } from '../formats/dicom/slices.ts';
import { writeArchive } from '../support/archives.ts';
import { filesIn, newFolder, start, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { readJson, TINY } from '../support/cohorts.ts';
import { writeSeries } from '../support/dicom-files.ts';
import { headerBytes, placementBytes, readVolumeFile, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const archive = join(folder, 'archive');
const whole = join(folder, 'whole');
const OWN = ['--masks', 'masks', '--channels', '_ct,_pet'] as const;
const command = (out: string, source = archive, ...more: (string | number)[]) =>
  ['prepare', 'folders', source, '--out', out, ...OWN, ...more] as const;

interface Outcome {
  readonly said: string;
  readonly result?: Awaited<ReturnType<typeof prepareArchive>>;
  readonly error?: string;
}

/** The same without a process of its own, which takes longer to start than to prepare this. */
async function prepare(
  out: string,
  source = archive,
  {
    name = 'folders',
    settings = { masks: 'masks', channels: '_ct,_pet', suv: 'true' } as AdapterSettings,
    ...more
  } = {} as Partial<ArchiveOptions> & {
    name?: string;
    settings?: AdapterSettings;
  },
): Promise<Outcome> {
  const said: string[] = [];
  const terminal = new Terminal(true);
  terminal.log = (text) => said.push(text);
  const options: ArchiveOptions = { out, seed: 0, nan: 'refuse', int64: 'refuse', jobs: 1, ...more };
  const run = { terminal, signal: new AbortController().signal } as unknown as Run;
  const given = { name, adapter: adapters[name], source, settings, options };
  const ended = await prepareArchive(given, run).then(
    (result) => ({ result }),
    (error) => ({ error: messageOf(error) }),
  );
  return { said: said.map((line) => `${line}\n`).join(''), ...ended };
}

/** The same where it must succeed. */
async function prepared(...args: Parameters<typeof prepare>) {
  const { said, result, error } = await prepare(...args);
  if (!result) throw new Error(error);
  return { said, ...result };
}

const SUMMARY =
  '6 cases for training, 3 positive; 2 cases for validation, 1 positive.\nEncoders that learn from it will see: normalise zscore, outside minimum.\n';

beforeAll(async () => {
  await writeArchive('folders', archive);
  const { stdout, stderr } = await succeed(command(whole));
  expect(stdout).toBe(`${join(whole, 'cohort.csv')}\n`);
  expect(stderr).toBe(`8 studies in ${archive}.\n${SUMMARY}`);
});

/** The hash of every file by its path in a folder. */
function contents(root: string): Record<string, string> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  const hash = (path: string) => createHash('sha256').update(readFileSync(path)).digest('hex');
  return Object.fromEntries(
    paths.map((path) => [path.slice(root.length + 1).replaceAll('\\', '/'), hash(path)]),
  );
}

function copy(of: string): string {
  const own = newFolder(folder);
  cpSync(of, own, { recursive: true });
  return own;
}

const tableOf = (out: string) => readFileSync(join(out, 'cohort.csv'), 'utf8').trimEnd().split('\n');

describe.concurrent('a cohort of an archive', () => {
  test('is a table, images, masks and records', () => {
    const names = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `case-${n}`);
    const files = [
      'cohort.csv',
      'cohort.json',
      ...names.flatMap((name) => ['ct', 'pet'].map((channel) => `images/${name}_${channel}.nii.gz`)),
      ...[1, 3, 5, 7].map((n) => `masks/case-${n}_mask.nii.gz`),
      ...names.map((name) => `studies/${name}.json`),
    ];
    expect(Object.keys(contents(whole))).toEqual(files.sort());
    const rows = tableOf(whole);
    expect(rows[0]).toBe('case,patient,split,label,image,mask');
    expect(rows[1]).toMatch(/^case-2,case-2,train,0,images\/case-2_ct.nii.gz;images\/case-2_pet.nii.gz,$/);
    expect(rows.map((row) => row.split(',')[0])).toEqual([
      'case',
      ...[2, 4, 6, 8, 1, 3, 5, 7].map((n) => `case-${n}`),
    ]);
  });

  test('holds the voxels of the archive where they were, whole numbers as int16', async () => {
    for (const [own, theirs, code] of [
      ['images/case-3_ct.nii.gz', 'lesion/case-3_ct.nii.gz', 4],
      ['images/case-3_pet.nii.gz', 'lesion/case-3_pet.nii.gz', 16],
      ['masks/case-3_mask.nii.gz', 'masks/case-3.nii.gz', 2],
    ] as const) {
      const [written, read] = [join(whole, own), join(archive, theirs)];
      expect((await readVolumeFile(written)).data).toEqual((await readVolumeFile(read)).data);
      expect(placementBytes(written)).toBe(placementBytes(read));
      const header = headerBytes(written);
      expect(header.readInt16LE(70)).toBe(code);
      expect(header.subarray(148, 228).toString('latin1').split('\0')[0]).toBe(
        `tonno ${VERSION} folders case-3`,
      );
    }
  });

  test('has a record of how it was made', () => {
    const { table, ...record } = readJson(whole, 'cohort.json');
    const counts = (cases: number, positives: number) => ({
      cases,
      patients: cases,
      positives: { label: positives },
    });
    expect(record).toEqual({
      software: { name: 'tonno', version: VERSION },
      source: 'folders',
      description: adapters.folders.description,
      settings: { masks: 'masks', channels: '_ct,_pet', suv: 'true', nan: 'refuse', int64: 'refuse' },
      channels: ['ct', 'pet'],
      classes: ['label'],
      preprocessing: { normalise: 'zscore', outside: 'minimum' },
      split: { seed: 0, validation: { positive: 0.2, negative: 0.2 } },
      notes: [],
      counts: { train: counts(6, 3), validation: counts(2, 1) },
      leftOut: [],
    });
    expect(table.sha256).toBe(contents(whole)['cohort.csv']);
  });

  test('is the same by one thread, and is not made again', async () => {
    const out = newFolder(folder);
    await prepared(out);
    expect(contents(out)).toEqual(contents(whole));
    const { said, ...result } = await prepared(out);
    expect(said).toBe(`8 studies in ${archive}.\n8 of them are there already.\n${SUMMARY}`);
    expect(result).toEqual({
      table: join(out, 'cohort.csv'),
      ...{ cases: 8, made: 0, kept: 8, leftOut: [], notes: [] },
      counts: readJson(out, 'cohort.json').counts,
    });
    expect(contents(out)).toEqual(contents(whole));
  });

  test('has of nnU-Net’s data what they have for channels and labels, and says all as JSON', async () => {
    const [source, out] = [newFolder(folder), newFolder(folder)];
    await writeArchive('nnunet', source);
    const args = ['--labels', 'core', '--seed', 5, '--jobs', 1, '--json'];
    const { stdout, stderr } = await succeed(['prepare', 'nnunet', source, '--out', out, ...args]);
    expect(stderr).toContain('imagesTs has no labels and is left out (files: 2).\n');
    expect(JSON.parse(stdout)).toEqual({
      command: 'prepare nnunet',
      table: join(out, 'cohort.csv'),
      ...{ cases: 6, made: 6, kept: 0, leftOut: [] },
      notes: ['imagesTs has no labels and is left out (files: 2).'],
      counts: readJson(out, 'cohort.json').counts,
    });
    expect(tableOf(out)[3]).toMatch(
      /^BLOB_003,BLOB_003,(train|validation),1,images\/BLOB_003_T1.nii.gz;images\/BLOB_003_FLAIR.nii.gz,masks\/BLOB_003_mask.nii.gz$/,
    );
    expect(tableOf(out)[2]).toMatch(/^BLOB_002,BLOB_002,\w+,0,[^,]+,$/);
    expect(readJson(out, 'cohort.json')).toMatchObject({ settings: { labels: 'core' }, split: { seed: 5 } });
  });
});

describe.concurrent('going on', () => {
  // Windows has no signals to send.
  test.skipIf(process.platform === 'win32')(
    'after it was killed and after Ctrl-C ends in the same bytes (skipped on Windows, which has no signals)',
    async () => {
      const source = newFolder(folder);
      for (const name of ['positive', 'negative']) mkdirSync(join(source, name));
      let state = 1;
      const noise = () => {
        state = (state * 1103515245 + 12345) % 2 ** 31;
        return state >> 16;
      };
      for (let i = 0; i < 24; i++) {
        const data = Float32Array.from({ length: 64 ** 3 }, noise);
        await writeVolume(
          join(source, i % 2 ? 'positive' : 'negative', `${i}.nii`),
          createVolume(data, [64, 64, 64]),
        );
      }
      const [out, fresh] = [newFolder(folder), newFolder(folder)];
      const studies = () => filesIn(join(out, 'studies')).filter((name) => name.endsWith('.json')).length;
      for (const [signal, count] of [
        ['SIGKILL', 2],
        ['SIGINT', 5],
      ] as const) {
        const run = start(['prepare', 'folders', source, '-o', out, '--jobs', 1]);
        while (studies() < count && run.process.exitCode === null) await wait(2);
        run.process.kill(signal);
        const { code, stderr } = await run.outcome;
        expect(Object.keys(contents(out))).not.toContain('cohort.csv');
        if (signal === 'SIGKILL') {
          // As if it had been writing just then.
          writeFileSync(join(out, 'images', `.half.nii.gz.${run.process.pid}.tmp`), 'half');
          continue;
        }
        expect(code).toBe(1);
        expect(stderr).toMatch(/of them are there already\.\nStopping; .*\nInterrupted by SIGINT\.\n$/);
        expect(filesIn(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
      }
      expect((await prepared(out, source, { settings: { suv: 'true' } })).kept).toBeGreaterThanOrEqual(5);
      await prepared(fresh, source, { settings: { suv: 'true' } });
      expect(contents(out)).toEqual(contents(fresh));
    },
  );

  test('makes again what is not whole, and what the archive has otherwise now', async () => {
    const [source, out] = [copy(archive), newFolder(folder)];
    await prepared(out, source);
    const made = contents(out);
    writeFileSync(join(out, 'images/case-1_ct.nii.gz'), 'cut off');
    rmSync(join(out, 'masks/case-3_mask.nii.gz'));
    rmSync(join(out, 'studies/case-5.json'));
    expect(await prepared(out, source)).toMatchObject({ made: 3, kept: 5 });
    expect(contents(out)).toEqual(made);
    // Without its mask the study is another.
    rmSync(join(source, 'masks/case-7.nii.gz'));
    expect(await prepared(out, source)).toMatchObject({ made: 1 });
    expect(tableOf(out)[8]).toMatch(/case-7_pet.nii.gz,$/);
  });

  async function refusal(out: string, args: Parameters<typeof prepare>[2] = {}): Promise<string> {
    const before = contents(out);
    const { said, error } = await prepare(out, archive, args);
    expect(said).toBe(`8 studies in ${archive}.\n`);
    expect(contents(out)).toEqual(before);
    return error!;
  }

  test('is refused with other settings', async () => {
    const out = copy(whole);
    const settings = { masks: 'masks', channels: '_pet,_ct', suv: 'true' };
    expect(await refusal(out, { settings })).toBe(
      `${join(out, 'cohort.json')}: The folder holds a cohort with other settings: settings.channels is "_ct,_pet" there and "_pet,_ct" here. Give the same settings to go on with it, or another folder with --out.`,
    );
    expect(await refusal(out, { nan: 'zero' })).toContain('settings.nan is "refuse" there and "zero" here');
  });

  test('with another split takes moving the table away, and no volume is made again', async () => {
    const out = copy(whole);
    expect(await refusal(out, { validation: 0.5 })).toBe(
      `${join(out, 'cohort.csv')}: Its patients were split otherwise, by {"seed":0,"validation":{"positive":0.2,"negative":0.2}}. Move the table away to have them split anew; the volumes are kept.`,
    );
    rmSync(join(out, 'cohort.csv'));
    expect(await prepared(out, archive, { validation: 0.5 })).toMatchObject({
      made: 0,
      counts: { validation: { cases: 4, positives: { label: 2 } } },
    });
  });

  test('leaves a table that was worked on', async () => {
    const out = copy(whole);
    const table = join(out, 'cohort.csv');
    writeFileSync(table, readFileSync(table, 'utf8').replace('case-2,case-2', 'case-2,somebody'));
    expect(await refusal(out)).toBe(
      `${table}: It has been changed since it was written. Keep it as it is, or move it away to have it written again.`,
    );
  });
});

describe.concurrent('bad studies', () => {
  test('are named, cost the others nothing, and may be left out or mended', async () => {
    const [source, out] = [copy(archive), newFolder(folder)];
    const [bad, empty] = ['lesion/case-3_pet.nii.gz', 'masks/case-5.nii.gz'].map((path) =>
      join(source, path),
    );
    writeFileSync(bad, readFileSync(bad).subarray(0, 300));
    const mask = await readVolumeFile(empty);
    await writeVolume(empty, { ...mask, data: mask.data.map(() => 0) });
    const refused = await tonno(command(out, source, '--jobs', 1));
    expect([refused.code, refused.stdout]).toEqual([1, '']);
    expect(refused.stderr.split('\n').slice(1)).toEqual([
      expect.stringMatching(`^error: study case-3: ${bad}: The compressed data stop before their end`),
      `error: study case-5: ${empty}: It is empty, but its volume lies among those with the finding. Correct the mask, or put the volume in the other folder.`,
      `error: ${out}: There is no cohort.csv yet: 2 studies could not be prepared (case-3, case-5). Mend what is said above and give the same command again, which makes no more than what is missing; or add --skip-bad to leave them out.`,
      '',
    ]);
    expect(Object.keys(contents(out))).not.toContain('cohort.csv');

    const skipped = await prepared(out, source, { skipBad: true });
    expect(skipped).toMatchObject({ cases: 6, made: 0, kept: 6 });
    expect(skipped.said).toContain('warning: 2 studies are left out: case-3, case-5.\n');
    expect(skipped.leftOut.map(({ study }) => study)).toEqual(['case-3', 'case-5']);
    expect(readJson(out, 'cohort.json').leftOut).toEqual(skipped.leftOut);
    expect(tableOf(out).filter((row) => /case-[35]/.test(row))).toEqual([]);

    for (const path of [bad, empty]) cpSync(path.replace(source, archive), path);
    expect(await prepared(out, source)).toMatchObject({ cases: 8, made: 2 });
    expect(contents(out)).toEqual(contents(whole));
  });

  test('are those whose volumes lie apart', async () => {
    const [source, out] = [copy(archive), newFolder(folder)];
    const path = join(source, 'healthy/case-2_pet.nii.gz');
    const { data, shape, geometry } = await readVolumeFile(path);
    const affine = geometry.affine.map((value, i) => (i === 3 ? value + 0.5 : value));
    await writeVolume(path, createVolume(data, shape, { geometry: { affine } }));
    const { said, error } = await prepare(out, source);
    expect(error).toContain('1 study could not be prepared (case-2)');
    expect(said).toContain(
      `study case-2: ${path}: It lies elsewhere in the world than ${join(source, 'healthy/case-2_ct.nii.gz')}: voxels are up to 0.500 mm apart.`,
    );
  });

  test('are those with voxels that are not finite, unless they are to be 0', async () => {
    const [source, out, zero] = [copy(archive), newFolder(folder), newFolder(folder)];
    const path = join(source, 'healthy/case-2_pet.nii.gz');
    const volume = await readVolumeFile(path);
    volume.data[7] = Number.NaN;
    await writeVolume(path, volume);
    expect((await prepare(out, source)).said).toContain('1 of its 1680 voxels are NaN or infinite');
    const sentence = `${path}: 1 voxels that were not finite are 0 now.`;
    expect((await prepared(zero, source, { nan: 'zero' })).said).toContain(`warning: ${sentence}\n`);
    expect(readJson(zero, 'cohort.json')).toMatchObject({ settings: { nan: 'zero' }, notes: [sentence] });
  });
});

describe.concurrent('series of DICOM files', () => {
  const source = join(folder, 'dicom');
  beforeAll(() => {
    writeSeries(join(source, 'positive', 'P1', 'PET'), { modality: 'PT' });
    writeSeries(join(source, 'negative', 'P2', 'PET'), {
      modality: 'PT',
      more: { '00281053': decimals(2), '00281052': decimals(-5) },
    });
  });

  test('are volumes; their PET is SUV, or a bad study, unless it is to stay as it is', async () => {
    const out = newFolder(folder);
    const refused = await prepare(out, source, { settings: { suv: 'true' } });
    expect(refused.error).toContain('2 studies could not be prepared (P2_PET, P1_PET)');
    expect(refused.said).toMatch(/error: study P1_PET: .*P1.PET, series 1.2.3: .*SUV.*--no-suv/);

    const stored = newFolder(folder);
    const { said, notes } = await prepared(stored, source, { settings: { suv: 'false' } });
    const { data, shape } = await readVolumeFile(join(stored, 'images/P1_PET_image.nii.gz'));
    expect([shape, data[0], data[12], data[47]]).toEqual([[4, 3, 4], 0, 100, 323]);
    expect((await readVolumeFile(join(stored, 'images/P2_PET_image.nii.gz'))).data[47]).toBe(2 * 323 - 5);
    expect(notes).toEqual([expect.stringMatching(/slope \(?2\b.* \(1 study\)$/)]);
    expect(said).toContain(`${notes[0]}\n`);
  });

  test('tell how they were read once for all', () => {
    const studies = [['Times 2.5e-3.', 'As it is.'], ['Times 3.', 'Times 4.'], ['As it is.'], []];
    expect(countRemarks(studies.map((remarks) => ({ remarks })))).toEqual([
      'Times 2.5e-3. (2 studies, each with numbers of its own)',
      'As it is. (2 studies)',
    ]);
  });
});

describe.concurrent('a given list', () => {
  test('decides who is in which split, and is on record', async () => {
    const out = newFolder(folder);
    const list = join(out, 'list.csv');
    const rows = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `case-${n},${n < 4 ? 'validation' : 'train'}`);
    writeFileSync(list, `patient,split\n${rows.join('\n')}\nnobody,train\n`);
    const to = join(out, 'cohort');
    const { said } = await prepared(to, archive, { split: list });
    expect(said).toContain(`warning: ${list} names nobody, which no patient and no case is called.\n`);
    const chosen = tableOf(to).filter((row) => row.includes(',validation,'));
    expect(chosen.map((row) => row.split(',')[0]).sort()).toEqual(['case-1', 'case-2', 'case-3']);
    expect(readJson(to, 'cohort.json').split).toEqual({
      list: 'list.csv',
      sha256: createHash('sha256').update(readFileSync(list)).digest('hex'),
    });
  });

  test('must hold every patient, which is found before any work', async () => {
    const out = newFolder(folder);
    const list = join(out, 'list.csv');
    writeFileSync(list, 'patient,split\ncase-1,train\n');
    expect(await prepare(join(out, 'cohort'), archive, { split: list })).toEqual({
      said: '',
      error: `${list}: It leaves out case-2, case-4, case-6 and 4 more. Add a line for each patient of the archive.`,
    });
    expect(filesIn(out)).toEqual(['list.csv']);
  });
});

describe.concurrent('wrong usage', () => {
  test.each<[string, string, string, string]>([
    [
      'a cohort in its archive',
      archive,
      join(archive, 'cohort'),
      `It lies in the archive ${archive}. Choose a folder beside it.`,
    ],
    [
      'a file',
      join(archive, 'masks/case-1.nii.gz'),
      'x',
      'It is a file, not a folder. Unpack the archive and name its folder.',
    ],
    ['no archive', join(folder, 'nowhere'), 'x', 'There is no such file or folder.'],
  ])('%s is refused', async (_, source, out, words) => {
    const { said, error } = await prepare(out === 'x' ? join(folder, 'x') : out, source);
    expect([said, error]).toEqual(['', expect.stringContaining(words)]);
    expect(filesIn(join(folder, 'x'))).toEqual([]);
  });

  test('ends with 2', async () => {
    const refused = async (...more: (string | number)[]) => {
      const { code, stdout, stderr } = await tonno(['prepare', 'folders', archive, ...more], { cwd: folder });
      expect([code, stdout]).toEqual([2, '']);
      return stderr;
    };
    expect(await refused()).toContain("required option '-o, --out <cohort>' not specified");
    expect(await refused('--out', 'x', '--split', 'list.csv', '--seed', 1)).toContain(
      "cannot be used with option '--seed <n>'",
    );
    expect(await refused('--out', 'x', '--validation', 1)).toContain(
      'It must be a number from 0 to below 1.',
    );
    expect(filesIn(join(folder, 'x'))).toEqual([]);
  });

  test('is helped in 80 columns with what every archive takes', () => {
    const program = new Command('tonno').configureHelp({ helpWidth: 80 });
    addPrepare(program, {} as Run);
    const [prepare] = program.commands;
    expect(prepare.commands.map((command) => command.name())).toEqual([...Object.keys(adapters), 'phantom']);
    for (const command of prepare.commands) {
      let help = '';
      command
        .configureOutput({ writeOut: (text) => (help += text) })
        .configureHelp({ helpWidth: 80 })
        .outputHelp();
      expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
      const adapter = adapters[command.name()];
      for (const { flags } of adapter?.options ?? []) expect(help).toContain(flags);
      if (adapter) expect(help).toMatch(/--validation <share> [^(]*\([\d.]+ %/);
      expect(prepare.helpInformation()).toContain(command.summary().split(' ')[0]);
    }
  });
});

describe.concurrent('a training', () => {
  const scaled = (preprocessing: object) => {
    const own = copy(whole);
    const path = join(own, 'cohort.json');
    writeFileSync(path, JSON.stringify({ ...readJson(path), preprocessing }));
    return own;
  };
  const train = (cohort: string, out: string, ...more: (string | number)[]) =>
    tonno(['train', join(cohort, 'cohort.csv'), '--out', out, ...TINY, '--steps', 1, ...more]);

  test('takes the values as the cohort says, the encoder knows, and it is not gone on with otherwise', async () => {
    const cohort = scaled({ normalise: 'none', scale: [0.001, 0.1], outside: 0 });
    const run = newFolder(folder);
    const { code, stderr } = await train(cohort, run, '--outside', 'minimum');
    expect([code, stderr]).toEqual([
      0,
      expect.stringContaining('Values as the cohort says: normalise none, scale 0.001 and 0.1.\n'),
    ]);
    const path = join(run, 'encoder.onnx');
    expect(readMetadata(parseModel(readFileSync(path), path), path).preprocessing).toEqual({
      normalise: 'none',
      scale: [0.001, 0.1],
      mean: [0],
      std: [1],
      // What is asked for counts for more.
      outside: 'minimum',
    });

    const record = readJson(run, 'run.json');
    writeFileSync(join(run, 'run.json'), JSON.stringify({ ...record, status: 'interrupted' }));
    writeFileSync(join(cohort, 'cohort.json'), JSON.stringify({ preprocessing: { scale: [3] } }));
    const again = await tonno(['train', join(cohort, 'cohort.csv'), '--out', run, '--resume']);
    expect([again.code, again.stderr]).toEqual([
      1,
      `error: ${join(cohort, 'cohort.json')}: It says another preprocessing than when the run was started. Give the file as it was, or start a new run.\n`,
    ]);
  });

  test('of an experiment takes them too: another scaling is another cohort', async () => {
    const said = [{ scale: [2] }, { scale: [2] }, { scale: [3] }, {}].map(scaled);
    const hashes: string[] = [];
    for (const cohort of said) hashes.push((await openCohort(join(cohort, 'cohort.csv'), undefined)).sha256);
    expect(hashes[0]).toBe(hashes[1]);
    expect(new Set(hashes).size).toBe(3);
  });

  test('is refused where the cohort says it wrongly', async () => {
    const cohort = scaled({ scale: '0.001' });
    await expect(cohortPreprocessing(join(cohort, 'cohort.csv'))).rejects.toThrow(
      `${join(cohort, 'cohort.json')}: What it says under "preprocessing" has "0.001" for "scale". Correct it, or remove it and give the scaling as options.`,
    );
    writeFileSync(join(cohort, 'cohort.json'), '{');
    await expect(cohortPreprocessing(join(cohort, 'cohort.csv'))).rejects.toThrow('It is not JSON.');
    // Somebody else's, or a cohort of phantoms: nothing is said of values.
    for (const text of ['[]', 'null', '3', '{"source": "phantom"}']) {
      writeFileSync(join(cohort, 'cohort.json'), text);
      expect(await cohortPreprocessing(join(cohort, 'cohort.csv'))).toEqual({});
    }
    rmSync(join(cohort, 'cohort.json'));
    expect(await cohortPreprocessing(join(cohort, 'cohort.csv'))).toEqual({});
  });
});
