/** Whatever is wrong with a training's input: one sentence that names it, and a checkpoint where learning had begun. */
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { resnetWeights } from '../../src/encoders/resnet.ts';
import { writeSafetensors } from '../../src/formats/safetensors.ts';
import { createVolume, type Geometry } from '../../src/volume/volume.ts';
import { buildNifti } from '../formats/build.ts';
import { classifier, onnx } from '../onnx/fixture.ts';
import { filesIn, newFolder, type Started, start, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import {
  blobVolume,
  COHORT_SHAPE,
  readJson,
  resultsOf,
  TINY,
  TINY_NETWORK,
  TINY_STEPS,
  TINY_VALIDATION,
  writeTinyCohort,
} from '../support/cohorts.ts';
import { mayMount, mountSmall, unmount } from '../support/disk.ts';
import { writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const whole = join(folder, 'cohort');
let table: string;
beforeAll(async () => {
  table = await writeTinyCohort(whole);
});

/** A copy of the cohort, to be spoiled. */
function copy(): { table: string; image: (name: string) => string } {
  const own = newFolder(folder, 'cohort-');
  cpSync(whole, own, { recursive: true });
  return { table: join(own, 'cohort.csv'), image: (name) => join(own, 'images', `${name}.nii.gz`) };
}

const file = (name: string, bytes: Uint8Array | string) => {
  const path = join(newFolder(folder), name);
  writeFileSync(path, bytes);
  return path;
};

/** Runs `train` with what it must refuse. @returns its exit code and what it says last; no trace, nothing on stdout. */
async function refusal(
  args: readonly (string | number)[],
  out = join(newFolder(folder), 'run'),
): Promise<[code: number | null, sentence: string, out: string]> {
  const { code, stdout, stderr } = await tonno(['train', ...args, '-o', out]);
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stderr).not.toContain('fault in tonno');
  const errors = stderr.split('\n').filter((line) => line.startsWith('error: '));
  expect(errors).toHaveLength(1);
  return [code, errors[0].slice('error: '.length), out];
}

describe.concurrent('wrong options are refused with 2 before anything is written', () => {
  const net = file('net.onnx', onnx(classifier({ classes: 1 })));
  test.each<[string, (string | number)[], string]>([
    [
      'no width',
      ['--width', 0],
      "option '--width <factor>' argument '0' is invalid. It must be a number above 0.",
    ],
    [
      'a rate of letters',
      ['--lr', 'x'],
      "option '--lr <rate>' argument 'x' is invalid. It must be a number above 0.",
    ],
    [
      'a rate of 0',
      ['--lr', 0],
      "option '--lr <rate>' argument '0' is invalid. It must be a number above 0.",
    ],
    [
      'memory in quarks',
      ['--memory', '3Q'],
      "option '--memory <bytes>' argument '3Q' is invalid. It must be a size such as 512M or 4G.",
    ],
    [
      'small slices',
      ['--size', 8],
      "option '-s, --size <pixels>' argument '8' is invalid. It must be a whole number from 16 to 8192.",
    ],
    [
      'one volume',
      ['--volumes', 1],
      "option '-b, --volumes <B>' argument '1' is invalid. It must be a whole number from 2 to 1024.",
    ],
    [
      'one slice',
      ['--slices', 1],
      "option '-M, --slices <M>' argument '1' is invalid. It must be a whole number from 2 to 10000.",
    ],
    [
      'an unknown norm',
      ['--norm', 'layer'],
      "option '-n, --norm <kind>' argument 'layer' is invalid. Allowed choices are frozen, batch, group.",
    ],
    [
      'too much stretching',
      ['--scale', 1],
      "option '--scale <x>' argument '1' is invalid. It must be a number from 0 to below 1.",
    ],
    [
      'an unknown network',
      ['--encoder', 'resnet18'],
      '--encoder resnet18: There is neither a network nor a file of this name. Networks are resnet10t, resnet50; files end in .onnx.',
    ],
    [
      'pretrained weights for a file',
      ['-e', net, '--pretrained', 'timm.safetensors'],
      `--pretrained: It is for the networks built here, and ${net} is a file. Leave --pretrained out, or choose one of resnet10t, resnet50.`,
    ],
    [
      'a width for a file',
      ['-e', net, '--width', 0.5],
      `--width: It is for the networks built here, and ${net} is a file. Leave --width out, or choose one of resnet10t, resnet50.`,
    ],
    [
      'group norm for a file',
      ['-e', net, '--norm', 'group'],
      `--norm group: It is for the networks built here, and ${net} is a file. Leave --norm group out, or choose one of resnet10t, resnet50.`,
    ],
    [
      'a size that a file does not take',
      ['-e', net, '-s', 32],
      '--size: net.onnx takes slices of 16×16 only, not of 32. Leave --size out.',
    ],
  ])('%s', async (_, options, sentence) => {
    const [code, said, out] = await refusal([table, ...options]);
    expect([code, said]).toEqual([2, sentence]);
    expect(existsSync(out)).toBe(false);
  });

  test('no --out, and no table', async () => {
    expect(await tonno(['train', table])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("required option '-o, --out <run>' not specified"),
    });
    expect(await tonno(['train', '-o', 'run'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("missing required argument 'cohort.csv'"),
    });
  });
});

describe.concurrent('files that do not fit are refused with 1 before anything is written', () => {
  const GIVE = 'Give a .safetensors file, as timm and Hugging Face keep weights.';
  const half = resnetWeights({
    architecture: 'resnet10t',
    norm: 'frozen',
    channels: 3,
    outputs: 2,
    width: 0.5,
  });
  const wrong = writeSafetensors(
    new Map(
      half.map(({ name, shape }) => [
        name,
        { data: new Float32Array(shape.reduce((a, b) => a * b, 1)), shape },
      ]),
    ),
  );
  const none = join(folder, 'nothing');
  const weights = file('wrong.safetensors', wrong);
  const notes = file('notes.safetensors', 'name,age\n'.repeat(9));
  const notNetwork = file('text.onnx', 'subject,age\n1,63\n');
  test.each<[string, (string | number)[], string | RegExp]>([
    [
      'an encoder that is missing',
      ['-e', `${none}.onnx`, '--width', 1],
      `${none}.onnx: There is no such file or folder. Check the path.`,
    ],
    [
      'an encoder that is a folder',
      ['-e', whole, '--width', 1],
      `${whole}: It is a folder, not a file. Name a file.`,
    ],
    [
      'an encoder that is text',
      ['-e', notNetwork, '--width', 1],
      'text.onnx: This is no ONNX model. Give an .onnx file, as torch.onnx.export, tf2onnx or timm write it.',
    ],
    [
      'weights that are missing',
      ['--pretrained', none],
      `${none}: There is no such file or folder. Check the path.`,
    ],
    ['weights that are text', ['--pretrained', notes], `${notes}: This is not a safetensors file. ${GIVE}`],
    [
      'weights of another width',
      ['--pretrained', weights],
      /^\S+wrong\.safetensors: These are not the weights of a resnet10t of width 0\.125: conv1\.0\.weight is \[16, 3, 3, 3\] instead of \[8, 3, 3, 3\], .* and \d+ more\. They are probably of another architecture or width\. Give those of timm's resnet10t, and leave the width at 1\.$/,
    ],
    [
      'a deviation of 0',
      ['--input-std', 0],
      'resnet10t of width 0.125, norm frozen: Its preprocessing has a 0 in "std", which pixels are divided by. Give 1 to leave them.',
    ],
    [
      'two means for one channel',
      ['--input-mean', '1,2'],
      'resnet10t of width 0.125, norm frozen: Its preprocessing has 2 numbers for "mean". Give one number, or one for each channel of the encoder (1).',
    ],
  ])('%s', async (_, options, sentence) => {
    const network = options[0] === '-e' ? [] : TINY_NETWORK;
    const [code, said, out] = await refusal([table, ...network, ...options]);
    expect(code).toBe(1);
    if (typeof sentence === 'string') expect(said).toBe(sentence);
    else expect(said).toMatch(sentence);
    expect(existsSync(out)).toBe(false);
  });

  test('a folder that is a file, or cannot be made', async () => {
    const taken = file('taken', '');
    expect(await refusal([table, ...TINY], taken)).toEqual([
      1,
      `${join(taken, 'run.json')}: A part of its path is a file, not a folder. Check the path.`,
      taken,
    ]);
    expect(readFileSync(taken, 'utf8')).toBe('');
  });

  test.skipIf(process.platform !== 'linux')(
    'a folder that takes no files (skipped where there is no /proc)',
    async () => {
      const [code, said] = await refusal([table, ...TINY], '/proc/tonno');
      expect(code).toBe(1);
      expect(said).toMatch(/^\/proc\/tonno: \S.*\.$/);
    },
  );

  test('a table that is missing, or a folder', async () => {
    expect((await refusal([none])).slice(0, 2)).toEqual([
      1,
      `${none}: There is no such file or folder. Check the path.`,
    ]);
    expect((await refusal([whole])).slice(0, 2)).toEqual([
      1,
      `${whole}: It is a folder, not a file. Name a file.`,
    ]);
  });
});

describe.concurrent('cohorts that cannot be learned from are refused with 1 before anything is written', () => {
  const BOTH = 'Each split needs cases with the finding and cases without it.';
  test.each<[string, (text: string) => string, string]>([
    [
      'a label that is no number',
      (text) => text.replace('train-2,,train,0', 'train-2,,train,none'),
      ', line 3: Case train-2 has "none" in the column label. Write 1 where the finding is anywhere in the volume and 0 where it is not.',
    ],
    [
      'only positive cases to train on',
      (text) => text.replaceAll(',train,0', ',train,1'),
      `: The split train has no negative case among 6. ${BOTH}`,
    ],
    [
      'only negative cases to validate on',
      (text) => text.replaceAll(',validation,1', ',validation,0'),
      `: The split validation has no positive case among 4. ${BOTH}`,
    ],
    [
      'nothing to train on',
      (text) => text.replaceAll(',train,', ',validation,'),
      `: The split train has no positive case among 0. ${BOTH}`,
    ],
    [
      'a patient in two splits',
      (text) => text.replace('train-1,,', 'train-1,P7,').replace('validation-2,,', 'validation-2,P7,'),
      ', line 9: Patient P7 is in two splits: case train-1 (line 2) in train, case validation-2 (line 9) in validation. Put all cases of a patient in one split.',
    ],
    [
      'other numbers of channels',
      (text) => text.replace('images/train-4', 'images/train-1.nii.gz;images/train-4'),
      ', line 5: Case train-4 has 2 channels, but case train-1 has 1 channel (line 2). Name the same channels in every case, in the same order, with ; between them.',
    ],
  ])('%s', async (_, spoil, sentence) => {
    const own = copy();
    writeFileSync(own.table, spoil(readFileSync(own.table, 'utf8')));
    const [code, said, out] = await refusal([own.table, ...TINY]);
    expect([code, said]).toEqual([1, `${own.table}${sentence}`]);
    expect(existsSync(out)).toBe(false);
  });

  test('images that are missing', async () => {
    const own = copy();
    rmSync(own.image('train-5'));
    const [code, said, out] = await refusal([own.table, ...TINY]);
    expect([code, said]).toEqual([
      1,
      `${own.image('train-5')}: There is no such file or folder. Check the path.`,
    ]);
    for (const name of ['train-6', 'validation-1', 'validation-2']) rmSync(own.image(name));
    expect((await refusal([own.table, ...TINY]))[1]).toBe(
      `${own.table}: 4 of its files cannot be read: ${own.image('train-5')}, ${own.image('train-6')}, ${own.image('validation-1')}, and 1 more. Paths are relative to the table.`,
    );
    expect(existsSync(out)).toBe(false);
  });
});

describe('volumes that cannot be used', () => {
  const elsewhere: Geometry = { affine: [1, 0, 0, 30, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] };
  const flat = createVolume(new Float32Array(12 ** 3).fill(5), COHORT_SHAPE);
  const noNumber = buildNifti({
    type: 'float32',
    lengths: [...COHORT_SHAPE],
    values: [...blobVolume(1, true).data].with(9, Number.NaN),
  });
  const voxels = blobVolume(1, true).data;

  test.each<[string, (image: (name: string) => string) => unknown, RegExp]>([
    [
      'voxels that are no numbers',
      (image) => writeFileSync(image('train-2'), noNumber),
      /train-2\.nii\.gz: 1 of its 1728 voxels are NaN or infinite in float32\. Replace them in the file, or have them read as 0 \(.*--nan zero\)\.$/,
    ],
    [
      'a volume without contrast',
      (image) => writeVolume(image('train-2'), flat),
      /train-2\.nii\.gz: All voxels are 5, so it cannot be normalised \("zscore"\)\. Check that this is the right volume, or choose "none"\.$/,
    ],
    [
      'a volume of another number of channels',
      (image) => writeVolume(image('train-2'), blobVolume(1, false, 3)),
      /train-2\.nii\.gz: Case train-2 has 3 channels, and case train-1 one channel\. Give all cases the same channels, in the same order\.$/,
    ],
    [
      'an empty file',
      (image) => writeFileSync(image('train-2'), ''),
      /train-2\.nii\.gz: The file is empty\. Copy or download it again\.$/,
    ],
  ])('%s', async (_, spoil, sentence) => {
    const own = copy();
    await spoil(own.image);
    // Who looks first finds it before anything is written.
    const looked = await refusal([own.table, ...TINY]);
    expect([looked[0], looked[1].startsWith(`${own.image('train-2')}: `)]).toEqual([1, true]);
    expect(existsSync(looked[2])).toBe(false);
    const [code, said, out] = await refusal([own.table, ...TINY, '--no-validate']);
    expect(code).toBe(1);
    expect(said).toMatch(sentence);
    expect(said.startsWith(own.image('train-2'))).toBe(true);
    expect(readJson(out, 'run.json')).toMatchObject({ status: 'failed', step: 0 });

    // Nothing was learned: once it is mended, the same command may be given again.
    copyFileSync(join(whole, 'images', 'train-2.nii.gz'), own.image('train-2'));
    await succeed(['train', own.table, ...TINY, '--steps', 1, '-o', out]);
    expect(filesIn(out).filter((name) => name.includes('tfevents'))).toHaveLength(1);
  });

  test.each<[string, (path: string) => Promise<void>, RegExp]>([
    [
      'shape',
      (path) => writeVolume(path, createVolume(voxels.slice(0, 10 * 144), [10, 12, 12])),
      /: It has 10 × 12 × 12 voxels, and \S+train-1\.nii\.gz has 12 × 12 × 12\. Resample the channels of a case to one grid\.$/,
    ],
    [
      'place',
      (path) => writeVolume(path, createVolume(voxels, COHORT_SHAPE, { geometry: elsewhere })),
      /: It lies elsewhere in the world than \S+train-1\.nii\.gz\. Register and resample the channels of a case to one grid\.$/,
    ],
  ])('channels of different %s', async (_, write, sentence) => {
    const own = newFolder(folder, 'cohort-');
    const path = await writeTinyCohort(own, { files: 2, train: 2, validation: 0 });
    const second = join(own, 'images', 'train-1a.nii.gz');
    await write(second);
    const [code, said, out] = await refusal([path, ...TINY]);
    expect(code).toBe(1);
    expect(said.startsWith(second)).toBe(true);
    expect(said).toMatch(sentence);
    // The first case is read before anything is written.
    expect(existsSync(out)).toBe(false);
  });
});

test('a device that is not there costs nothing but another try', async () => {
  const out = newFolder(folder);
  const absent = process.platform === 'darwin' ? 'dml' : 'coreml';
  const [code, said] = await refusal([table, ...TINY, '--steps', 1, '-d', absent], out);
  expect(code).toBe(1);
  expect(said).toMatch(new RegExp(`^device ${absent}: \\S.*\\.$`));
  await succeed(['train', table, ...TINY, '--steps', 1, '-o', out]);
  expect(readJson(out, 'run.json')).toMatchObject({ status: 'done', device: 'cpu' });
});

describe('a loss that is not finite', () => {
  const kept = (out: string, step: number) => {
    expect(readJson(out, 'run.json')).toMatchObject({ status: 'failed', step });
    expect(readJson(out, 'checkpoint', 'state.json').step).toBe(step);
  };
  const hot = [...TINY, '--steps', 12, '--lr', '1e30'];

  test('ends with the step, the case and the batch, and keeps the step before', async () => {
    const [code, said, out] = await refusal([table, ...hot, '--validate-every', 12]);
    expect(code).toBe(1);
    const [, step, one, batch] =
      /^step (\d+): The loss is not finite: slice \d+ of (train-\d) has the logit (?:NaN|-?Infinity)\. The batch was (.*)\. Lower --lr in a new run, or check the values of these volumes and how they are normalised\.$/.exec(
        said,
      ) ?? [];
    expect(Number(step)).toBeGreaterThan(1);
    expect(batch.split(', ')).toHaveLength(2);
    expect(batch.split(', ')).toContain(one);
    kept(out, Number(step) - 1);
    const again = await tonno(['train', table, '-o', out, '--resume']);
    expect([again.code, again.stderr.split('\n').at(-2)]).toEqual([1, `error: ${said}`]);
  });

  test('at a validation, too', async () => {
    const [code, said, out] = await refusal([table, ...hot, '--validate-every', 1]);
    expect(code).toBe(1);
    expect(said).toMatch(
      /^step 1: The network fails at the validation case validation-1: The logit of slice \d+ of direction 0 is (NaN|-?Infinity)\. Lower --lr in a new run, or check the values of this volume and how they are normalised\.$/,
    );
    kept(out, 1);
  });
});

/** Waits until the checkpoint of a training has come to a step. */
async function reaches({ process }: Started, run: string, step: number): Promise<void> {
  for (;;) {
    try {
      if (readJson(run, 'checkpoint', 'state.json').step >= step) return;
    } catch {
      // It is not there yet.
    }
    if (process.exitCode !== null) throw new Error(`It ended before step ${step}.`);
    await wait(2);
  }
}

describe('what goes wrong in the middle', () => {
  const steps = ['--steps', 40, '--checkpoint-every', 4, '--validate-every', 10];
  // Nothing is kept in memory: each volume is read again whenever it is drawn.
  const options = [...TINY_NETWORK, ...TINY_STEPS, ...TINY_VALIDATION, ...steps, '--memory', 1];
  let expected: object;
  beforeAll(async () => {
    const out = newFolder(folder);
    await succeed(['train', table, '-o', out, ...options]);
    expected = resultsOf(out);
  });

  /** Ends with an error, a checkpoint of what was learned by then, and no other trace. */
  async function failure(started: Started, out: string): Promise<[sentence: string, kept: number]> {
    const { code, stdout, stderr } = await started.outcome;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).not.toMatch(/^ +at |fault in tonno/m);
    const { step } = readJson(out, 'checkpoint', 'state.json');
    const [intro, kept, error, ...others] = stderr.trimEnd().split('\n');
    expect(intro).toContain('6 volumes to train on');
    expect(kept).toBe(`The state of step ${step} is kept; --resume goes on from it.`);
    expect(others).toEqual([]);
    expect(filesIn(out).filter((name) => name.endsWith('.tmp'))).toEqual([]);
    return [error, step];
  }

  test.each<[string, string, (path: string) => void, string]>([
    [
      'a volume that is cut off',
      'train-1',
      (path) => {
        const half = `${path}.half`;
        const bytes = readFileSync(path);
        writeFileSync(half, bytes.subarray(0, bytes.length >> 1));
        renameSync(half, path);
      },
      'The compressed data stop before their end',
    ],
    [
      'a volume that vanishes',
      'train-2',
      (path) => rmSync(path),
      'There is no such file or folder. Check the path.',
    ],
    [
      'a volume that becomes a folder',
      'validation-3',
      (path) => {
        rmSync(path);
        mkdirSync(path);
      },
      'It is an empty folder.',
    ],
  ])('%s: is named, and the training goes on once it is mended', async (_, name, spoil, problem) => {
    const own = copy();
    const out = newFolder(folder);
    const started = start(['train', own.table, '-o', out, ...options]);
    await reaches(started, out, 4);
    spoil(own.image(name));
    const [sentence, step] = await failure(started, out);
    expect(sentence.startsWith(`error: ${own.image(name)}: ${problem}`)).toBe(true);
    expect(step).toBeGreaterThanOrEqual(4);
    expect(step).toBeLessThan(40);
    expect(readJson(out, 'run.json')).toMatchObject({ status: 'failed', step });

    rmSync(own.image(name), { recursive: true, force: true });
    copyFileSync(join(whole, 'images', `${name}.nii.gz`), own.image(name));
    await succeed(['train', own.table, '-o', out, '--resume', '--memory', 1]);
    expect(resultsOf(out)).toEqual(expected);
  });

  test.skipIf(!mayMount(folder))(
    'a full disk: the last checkpoint stays whole, and the training goes on once there is room (skipped where none can be mounted)',
    async () => {
      const disk = newFolder(folder);
      // A checkpoint, its successor and the encoders find room in it.
      mountSmall(disk, '4m');
      try {
        const out = join(disk, 'run');
        const started = start(['train', table, '-o', out, ...options]);
        await reaches(started, out, 4);
        const filler = join(disk, 'filler');
        fill(disk, filler);
        const [sentence, step] = await failure(started, out);
        expect(sentence).toMatch(
          /^error: \S+\/run\/\S+: The disk is full\. Make room or choose another place with --out\.$/,
        );
        expect(step).toBeGreaterThanOrEqual(4);
        rmSync(filler);
        await succeed(['train', table, '-o', out, '--resume']);
        expect(resultsOf(out)).toEqual(expected);
      } finally {
        unmount(disk);
      }
    },
  );
});

/** Leaves no room for a checkpoint, whatever is being written at the moment. */
function fill(disk: string, path: string): void {
  for (let part = 0; part < 200; part++) {
    const { bavail, bsize } = statfsSync(disk);
    if (bavail === 0) return;
    try {
      writeFileSync(path, new Uint8Array(Math.min(bavail * bsize, 65536)), { flag: 'a' });
    } catch {
      return;
    }
  }
}
