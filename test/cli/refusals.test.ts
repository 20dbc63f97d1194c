/** Whatever is wrong with the input: one sentence that names it, no stack trace, and nothing left on the disk. */
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import { type Build, buildNifti } from '../formats/build.ts';
import { classifier, onnx, value } from '../onnx/fixture.ts';
import { filesIn, newFolder, type StartOptions, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { MATCHED_FILTER, readVolumeFile, unevenVolume, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const small = ['--size', 16, '-L', 6, '-M', 8];
const good = join(folder, 'good.nii');
const colour = join(folder, 'colour.nii');
beforeAll(async () => {
  await writeVolume(good, unevenVolume([12, 11, 10]));
  await writeVolume(colour, unevenVolume([12, 11, 10], undefined, 3));
});

const file = (name: string, bytes: Uint8Array | string) => {
  const path = join(newFolder(folder), name);
  writeFileSync(path, bytes);
  return path;
};

/** Runs `reconstruct` with arguments that it must refuse, and returns its exit code and what it says. */
async function refusal(
  args: readonly (string | number)[],
  options?: StartOptions,
): Promise<[code: number | null, stderr: string]> {
  const out = newFolder(folder);
  const { code, stdout, stderr } = await tonno(['reconstruct', ...args, '-o', out], options);
  expect(stdout).toBe('');
  expect(stderr).not.toMatch(/^ +at /m);
  expect(stderr).not.toContain('fault in tonno');
  expect(filesIn(out)).toEqual([]);
  return [code, stderr];
}

const lengths = [10, 11, 12];
const scan = (build: Build) => buildNifti({ lengths, ...build });
const CUT_OFF = 'It was cut off: copy or download it again.';
const DAMAGED = 'Its header is damaged: copy or download it again.';
const CONVERT = 'Convert it to float32 or an integer type.';
const FLAT = 'ToNNO cuts slices at all angles and needs at least two voxels along every axis.';
const TWO_BY_TWO = new Array(8).fill(1);

describe.concurrent('a volume that cannot be used', () => {
  const packed = gzipSync(scan({ type: 'float32', values: Array.from({ length: 1320 }, Math.random) }));
  test.each<[what: string, name: string, bytes: Uint8Array | string, problem: string | RegExp]>([
    ['an empty file', 'scan.nii', '', 'The file is empty. Copy or download it again.'],
    [
      'a text file',
      'scan.nii.gz',
      'subject,age\n1,63\n',
      'This is not a volume of a known format but text. Give NIfTI (.nii, .nii.gz), DICOM, NRRD (.nrrd), MetaImage (.mha) or .npy.',
    ],
    [
      'cut off while packed',
      'scan.nii.gz',
      packed.subarray(0, packed.length >> 1),
      /^The compressed data stop before their end, after unpacking to \d+ bytes\. The file was cut off: copy or download it again\.$/,
    ],
    [
      'damaged while packed',
      'scan.nii.gz',
      packed.with(packed.length >> 1, packed[packed.length >> 1] ^ 0x55),
      /^The compressed data (are damaged|stop before)/,
    ],
    [
      'cut off',
      'scan.nii',
      scan({}).subarray(0, 1000),
      `The file ends after 648 of the 1320 bytes of voxels that its header announces (10×11×12 uint8). ${CUT_OFF}`,
    ],
    [
      'only a header',
      'scan.nii',
      scan({}).subarray(0, 352),
      `The file has a header but no voxels; the header announces 10×11×12 uint8. ${CUT_OFF}`,
    ],
    [
      'without axes',
      'scan.nii',
      scan({ fields: { dim: [0, 10, 11, 12] } }),
      `Its header says that it has 0 axes; NIfTI has 1 to 7. ${DAMAGED}`,
    ],
    [
      'of length zero',
      'scan.nii',
      scan({ fields: { dim: [3, 10, 0, 12] } }),
      `Its axes have lengths 10×0×12. ${DAMAGED}`,
    ],
    [
      'of negative length',
      'scan.nii',
      scan({ fields: { dim: [3, 10, -11, 12] } }),
      `Its axes have lengths 10×-11×12. ${DAMAGED}`,
    ],
    [
      'of RGB',
      'scan.nii',
      scan({ fields: { datatype: 128, bitpix: 24 } }),
      `Its voxels are RGB, not one ordinary number each. ${CONVERT}`,
    ],
    [
      'of complex numbers',
      'scan.nii',
      scan({ fields: { datatype: 32, bitpix: 64 } }),
      `Its voxels are complex64, not one ordinary number each. ${CONVERT}`,
    ],
    [
      'of 64-bit integers',
      'scan.nii',
      scan({ type: 'int64' }),
      /^Its voxels are int64, which float32 cannot hold exactly\. Convert it to a smaller type, or allow rounding/,
    ],
    [
      'with voxels that are no numbers',
      'scan.nii',
      buildNifti({
        type: 'float32',
        values: TWO_BY_TWO.with(1, Number.NaN).with(6, Number.POSITIVE_INFINITY),
      }),
      /^2 of its 8 voxels are NaN or infinite in float32\. Replace them in the file, or have them read as 0/,
    ],
    [
      'with a singular affine',
      'scan.nii',
      scan({ fields: { srow: [1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0] } }),
      'Its affine (from the sform) is singular: the voxels have no volume. Write the file again with a program that sets its header right.',
    ],
    [
      'of one slice',
      'scan.nii',
      buildNifti({ lengths: [10, 132] }),
      `A volume of 1×132×10 voxels is a single slice: axis 0 has 1. ${FLAT}`,
    ],
    [
      'of one row',
      'scan.nii',
      buildNifti({ lengths: [10] }),
      `A volume of 1×1×10 voxels is a single slice: axis 0 has 1. ${FLAT}`,
    ],
    [
      'of time and vectors',
      'scan.nii',
      buildNifti({ lengths: [2, 2, 2, 2, 3] }),
      /^Its axes have lengths 2×2×2×2×3; only the fourth or the fifth may hold channels\./,
    ],
  ])('%s', async (_, name, bytes, problem) => {
    const path = file(name, bytes);
    const [code, stderr] = await refusal([path, '-r', 'mean', ...small]);
    expect(code).toBe(1);
    const [prefix, rest] = [stderr.slice(0, path.length + 9), stderr.slice(path.length + 9)];
    expect(prefix).toBe(`error: ${path}: `);
    expect(rest.endsWith('\n')).toBe(true);
    if (typeof problem === 'string') expect(rest).toBe(`${problem}\n`);
    else expect(rest.trimEnd()).toMatch(problem);
    expect(rest.trimEnd()).not.toContain('\n');
  });

  test.each([
    'scan.nii',
    'scan.nii.gz',
  ])('one whose header asks for 18 GB (%s) costs neither time nor memory', async (name) => {
    const bytes = buildNifti({ type: 'float32', values: TWO_BY_TWO, fields: { dim: [3, 16384, 16384, 17] } });
    const path = file(name, name.endsWith('.gz') ? gzipSync(bytes) : bytes);
    const report = "process.on('exit',()=>console.error(process.resourceUsage().maxRSS))";
    const env = { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(report)}` };
    const [code, stderr] = await refusal([path, '-r', 'mean', ...small], { env, timeout: 20_000 });
    const [message, kilobytes] = stderr.trimEnd().split('\n');
    expect(code).toBe(1);
    expect(message).toContain(
      `error: ${path}: Its voxels (16384×16384×17 float32) would take 18.3 GB, more than the limit of 8.6 GB.`,
    );
    expect(Number(kilobytes)).toBeLessThan(300_000);
  });

  test('one that is missing, and a folder instead of one', async () => {
    const missing = join(folder, 'missing.nii');
    expect(await refusal([missing, '-r', 'mean'])).toEqual([
      1,
      `error: ${missing}: There is no such file or folder. Check the path.\n`,
    ]);
    const empty = newFolder(folder);
    expect(await refusal([empty, '-r', 'mean'])).toEqual([
      1,
      `error: ${empty}: It is an empty folder. Name the volumes in it, or the folder of a DICOM series.\n`,
    ]);
  });
});

describe.concurrent('what is refused unless it is asked for', () => {
  test('voxels that are no numbers become zero with --nan zero, and are counted', async () => {
    const out = newFolder(folder);
    const values = Array.from({ length: 1320 }, (_, i) => (i % 100 === 7 ? Number.NaN : i / 1320));
    const path = file('scan.nii', scan({ type: 'float32', values }));
    const { stderr } = await succeed([
      'reconstruct',
      path,
      '-r',
      'mean',
      ...small,
      '--nan',
      'zero',
      '-o',
      out,
    ]);
    expect(stderr).toBe(`warning: ${path}: 14 voxels that were not finite are 0 now.\n`);
    const record = JSON.parse(readFileSync(join(out, 'scan_desc-tonno_heatmap.json'), 'utf8'));
    expect(record.notFiniteSetToZero).toBe(14);

    const zeroed = newFolder(folder);
    const twin = file(
      'scan.nii',
      scan({ type: 'float32', values: values.map((v) => (Number.isNaN(v) ? 0 : v)) }),
    );
    await succeed(['reconstruct', twin, '-r', 'mean', ...small, '-o', zeroed]);
    const name = 'scan_desc-tonno_heatmap.nii.gz';
    expect(readFileSync(join(out, name)).equals(readFileSync(join(zeroed, name)))).toBe(true);
  });

  test('64-bit integers are converted with --int64 convert', async () => {
    const maps = ['int64', 'int32'].map(async (type) => {
      const out = newFolder(folder);
      const path = file('scan.nii', scan({ type, values: Array.from({ length: 1320 }, (_, i) => i % 97) }));
      await succeed(['reconstruct', path, '-r', 'mean', ...small, '--int64', 'convert', '-o', out]);
      return (await readVolumeFile(join(out, 'scan_desc-tonno_heatmap.nii.gz'))).data;
    });
    const [a, b] = await Promise.all(maps);
    expect(a).toEqual(b);
  });
});

describe.concurrent('an encoder that cannot be used', () => {
  const EXPORT = 'Give an .onnx file, as torch.onnx.export, tf2onnx or timm write it.';
  const whole = onnx(classifier());
  test.each<[what: string, bytes: Uint8Array | string, problem: RegExp | string]>([
    ['a text file', 'subject,age\n1,63\n', `This is no ONNX model. ${EXPORT}`],
    ['an empty file', '', /^\S.*\.$/],
    ['one that is cut off', readFileSync(MATCHED_FILTER).subarray(0, 5000), /^\S.*\.$/],
    ['one whose weights are cut off', whole.subarray(0, whole.length - 40), /^\S.*\.$/],
    [
      'one without an image input',
      onnx({ ...classifier(), inputs: [value('x', ['n', 7])] }),
      'This network has no image input, which is a float32 tensor of rank 4. Its inputs are x: float32 [n, 7]. Give a network for 2D images [n, channels, rows, columns].',
    ],
    [
      'one with several classes, when none is chosen',
      onnx(classifier({ classes: 4 })),
      'This network has 4 classes, so one must be chosen. Choose a number from 0 to 3.',
    ],
  ])('%s', async (what, bytes, problem) => {
    const path = file('net.onnx', bytes);
    const [code, stderr] = await refusal([good, '-e', path, '-L', 6, '-M', 8]);
    expect(code).toBe(what.includes('chosen') ? 2 : 1);
    expect(stderr).toMatch(/^error: net\.onnx: .*\n$/);
    const said = stderr.slice('error: net.onnx: '.length, -1);
    if (typeof problem === 'string') expect(said).toBe(problem);
    else expect(said).toMatch(problem);
  });

  test('one that is missing', async () => {
    const missing = join(folder, 'net.onnx');
    expect(await refusal([good, '-e', missing])).toEqual([
      1,
      `error: ${missing}: There is no such file or folder. Check the path.\n`,
    ]);
  });

  test('one that the engine does not know an operator of', async () => {
    const network = classifier();
    const nodes = network.nodes.map((n) => (n.opType === 'Relu' ? { ...n, opType: 'Rlu' } : n));
    const [code, stderr] = await refusal([
      good,
      '-e',
      file('net.onnx', onnx({ ...network, nodes })),
      '-c',
      0,
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: net\.onnx: ONNX Runtime cannot load the model: .*Rlu.*\n$/);
  });

  test('one with another number of channels than the volume', async () => {
    const threeChannels = file('rgb.onnx', onnx(classifier({ channels: 3, classes: 1 })));
    const grey = join(newFolder(folder), 'two.nii');
    await writeVolume(grey, unevenVolume([12, 11, 10], undefined, 2));
    const [a, first] = await refusal([colour, '-e', MATCHED_FILTER, ...small]);
    expect([a, first.split('\n').at(-2)]).toEqual([
      1,
      `error: matched-filter.onnx: This encoder takes images of one channel, but ${colour} has 3 channels. Give a volume of one channel.`,
    ]);
    const [b, second] = await refusal([grey, '-e', threeChannels, '-L', 6, '-M', 8]);
    expect([b, second.split('\n').at(-2)]).toEqual([
      1,
      `error: rgb.onnx: This encoder takes images of 3 channels, but ${grey} has 2 channels. Give a volume of one channel or 3 channels.`,
    ]);
  });

  test('one whose answers are no numbers', async () => {
    const path = file('net.onnx', onnx(classifier({ classes: 1 })));
    const [code, stderr] = await refusal([good, '-e', path, '-L', 6, '-M', 8, '--input-scale', '1e38']);
    expect(code).toBe(1);
    expect(stderr.split('\n').at(-2)).toMatch(
      /^error: net\.onnx: The logit of slice \d+ of direction \d+ is -?(Infinity|NaN)\. Check the input scaling/,
    );
  });
});

describe.concurrent('wrong usage', () => {
  const four = file('four.onnx', onnx(classifier({ classes: 4 })));
  test.each<[string, (string | number)[], string | RegExp]>([
    [
      'no encoder',
      [],
      'error: --encoder: The response logit needs the file of an encoder. Add --encoder FILE.onnx, or use --response mean.\n',
    ],
    [
      'an encoder for nothing',
      ['-r', 'mean', '-e', MATCHED_FILTER],
      'error: --encoder: The response mean looks at no encoder and is worked out on the CPU. Leave --encoder out, or use the response logit.\n',
    ],
    [
      'a device for nothing',
      ['-r', 'mean', '-d', 'cuda'],
      'error: --device cuda: The response mean looks at no encoder and is worked out on the CPU. Leave --device cuda out, or use the response logit.\n',
    ],
    [
      'a class out of range',
      ['-e', four, '-c', 4],
      'error: four.onnx: There is no class 4: this network has 4. Choose a number from 0 to 3.\n',
    ],
    [
      'a class of another name',
      ['-e', MATCHED_FILTER, '-c', 'brigt blob'],
      'error: matched-filter.onnx: There is no class "brigt blob". Did you mean "bright blob"?\n',
    ],
    [
      'a size that the encoder does not take',
      ['-e', four, '-c', 0, '-s', 32],
      'error: --size: four.onnx takes slices of 16×16 only, not of 32. Leave --size out.\n',
    ],
    [
      'an unknown device',
      ['-e', MATCHED_FILTER, '-d', 'gpu'],
      /^error: option '-d, --device <device>' argument 'gpu' is invalid\. Allowed choices are cpu, webgpu, cuda, coreml, dml, auto\.\n/,
    ],
    [
      'an unknown method',
      ['-m', 'gradcam'],
      /^error: option '-m, --method <names>' argument 'gradcam' is invalid\. Allowed choices are tonno, averaged-cam, tomographic-cam, cam, cam-3axes, iterative-cam\.\n/,
    ],
    [
      'an unknown response',
      ['-r', 'median'],
      'error: --response median: There is no such response. Responses are logit, mean and pooled:N, with N the pixels of a kernel’s side.\n',
    ],
    [
      'an unknown filter',
      ['-r', 'mean', '-f', 'ramp'],
      'error: filter "ramp": There is no such filter. Filters are none, second-difference, gaussian:WIDTH, hann:WIDTH.\n',
    ],
    [
      'a filter without its width',
      ['-r', 'mean', '-f', 'gaussian'],
      'error: filter "gaussian": The filter gaussian needs a width above zero (its standard deviation in s, where [−1, 1] is 2 long). Filters are none, second-difference, gaussian:WIDTH, hann:WIDTH.\n',
    ],
    [
      'a kernel that does not divide the slice',
      ['-r', 'pooled:7', '-m', 'averaged-cam', '-s', 16],
      'error: pooled:7: A kernel of 7 pixels does not divide slices of 16×16. Choose a divisor of the slice size.\n',
    ],
    [
      'a kernel of no pixels',
      ['-r', 'pooled:0', '-s', 16],
      'error: pooled:0: A kernel of 0 pixels does not divide slices of 16×16. Choose a divisor of the slice size.\n',
    ],
    [
      'maps of an encoder without a layer',
      ['-m', 'cam', '-e', MATCHED_FILTER],
      'error: --layer: slice-wise CAM (4.3) needs a layer of the encoder. Add --layer with a number or a name: tonno layers matched-filter.onnx lists them.\n',
    ],
    [
      'maps of a mean',
      ['-m', 'tonno,cam', '-r', 'mean'],
      'error: --method cam: slice-wise CAM (4.3) needs a response that makes maps; mean has one value a slice. Give an --encoder, or use --response pooled:N or the method tonno.\n',
    ],
    [
      'a layer for a method that looks at none',
      ['-e', MATCHED_FILTER, '--layer', 1],
      'error: --layer: The method tonno looks at no layer of the encoder. Leave --layer out, or use a method on maps such as tomographic-cam.\n',
    ],
    [
      'a filter for a plain sum',
      ['-r', 'pooled:4', '-m', 'averaged-cam', '-f', 'none'],
      'error: --filter: The method averaged-cam filters nothing. Leave --filter out, or use the method tomographic-cam.\n',
    ],
    [
      'iterations for sums',
      ['-r', 'pooled:4', '-m', 'averaged-cam,cam', '--iterations', 3],
      'error: --iterations: None of the methods takes it: averaged-cam is one sum and iterates nothing. Leave --iterations out, or use the method iterative-cam.\n',
    ],
    [
      'no layer between commas',
      ['-e', MATCHED_FILTER, '-m', 'cam', '--layer', '1,,2'],
      /^error: option '--layer <names>' argument '1,,2' is invalid\. It must be a name, or several with commas between them\.\n/,
    ],
    [
      'a class for nothing',
      ['-r', 'mean', '--class', 3],
      'error: --class: The response mean looks at no encoder and is worked out on the CPU. Leave --class out, or use the response logit.\n',
    ],
    [
      'an axis for a method that goes along all directions',
      ['-r', 'mean', '--axis', 1],
      'error: --axis: The method tonno does not go along one axis. Leave --axis out, or use the method cam.\n',
    ],
    [
      'directions for a method that has none',
      ['-m', 'cam', '-r', 'pooled:4', '-L', 3],
      'error: --directions: The method cam has a slice on every plane of voxels. Leave --directions out.\n',
    ],
    [
      'slices of one pixel',
      ['-r', 'mean', '--size', 1],
      /^error: option '-s, --size <pixels>' argument '1' is invalid\. It must be a whole number from 2 to 8192\.\n/,
    ],
    [
      'one direction',
      ['-r', 'mean', '-L', 1],
      /^error: option '-L, --directions <L>' argument '1' is invalid\. It must be a whole number from 2 to 20000\.\n/,
    ],
    [
      'one slice',
      ['-r', 'mean', '-M', 1],
      /^error: option '-M, --slices <M>' argument '1' is invalid\. It must be a whole number from 2 to 10000\.\n/,
    ],
    [
      'a fourth axis',
      ['-r', 'pooled:4', '-m', 'cam', '--axis', 3],
      /^error: option '--axis <axis>' argument '3' is invalid\. It must be a whole number from 0 to 2\.\n/,
    ],
    [
      'a seed that is no number',
      ['-r', 'mean', '--seed', 'x'],
      /^error: option '--seed <n>' argument 'x' is invalid\. It must be a whole number from 0 to 2147483647\.\n/,
    ],
    [
      'a time without a unit',
      ['-r', 'mean', '-t', 90],
      /^error: option '-t, --time-limit <time>' argument '90' is invalid\. It must be a duration such as 90s, 5m or 1h30m\.\n/,
    ],
    [
      'a scaling that is no number',
      ['-e', MATCHED_FILTER, '--input-mean', '1,x'],
      /^error: option '--input-mean <a,…>' argument '1,x' is invalid\. It must be a number, or several with commas between them\.\n/,
    ],
  ])('%s', async (_, args, message) => {
    const [code, stderr] = await refusal([good, ...args]);
    expect(code).toBe(2);
    if (typeof message === 'string') expect(stderr).toBe(message);
    else expect(stderr).toMatch(message);
  });

  test('preprocessing that does not fit the encoder', async () => {
    expect(await refusal([good, '-e', MATCHED_FILTER, ...small, '--input-mean', '1,2,3'])).toEqual([
      1,
      'error: matched-filter.onnx: Its preprocessing has 3 numbers for "mean". Give one number, or one for each channel of the encoder (1).\n',
    ]);
  });
});

describe.concurrent('a device that is not there is never replaced by another', () => {
  const absent = { linux: ['coreml', 'dml'], darwin: ['cuda', 'dml'], win32: ['cuda', 'coreml'] };
  const names = absent[process.platform as keyof typeof absent] ?? ['coreml', 'dml'];
  test.each(names)('%s, which no machine of this kind has', async (device) => {
    const [code, stderr] = await refusal([good, '-e', MATCHED_FILTER, ...small, '-d', device]);
    expect(code).toBe(1);
    expect(stderr).toMatch(
      new RegExp(
        `^error: device ${device}: This build of ONNX Runtime has no such device here\\. Devices it has: cpu.*\\.\n$`,
      ),
    );
  });

  test.skipIf(process.platform !== 'linux' || existsSync('/dev/nvidia0'))(
    'cuda without a GPU (skipped where there is one)',
    async () => {
      const [code, stderr] = await refusal([good, '-e', MATCHED_FILTER, ...small, '-d', 'cuda']);
      expect(code).toBe(1);
      expect(stderr).toMatch(
        /^error: device cuda: (It is not there or does not work: .*\. Choose another --device|This build of ONNX Runtime has no such device).*\n$/,
      );
    },
  );
});

describe.concurrent('a folder that cannot be written to', () => {
  test('because it would lie in a file', async () => {
    const out = join(file('notes.txt', 'x'), 'results');
    expect(await tonno(['reconstruct', good, '-r', 'mean', ...small, '-o', out])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `error: ${out}: A part of its path is a file, not a folder. Check the path.\n`,
    });
  });

  test('because it is a file', async () => {
    const out = file('notes.txt', 'x');
    expect(await tonno(['reconstruct', good, '-r', 'mean', ...small, '-o', out])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `error: ${out}: A file of that name is in the way. Choose another place.\n`,
    });
    expect(readFileSync(out, 'utf8')).toBe('x');
  });

  test.skipIf(!existsSync('/proc/self'))(
    'because the folder above it takes no others (skipped where there is no /proc)',
    async () => {
      const args = ['reconstruct', good, '-r', 'mean', ...small, '-o', '/proc/results'];
      const { code, stderr } = await tonno(args, { timeout: 20_000 });
      expect([code, stderr]).toEqual([
        1,
        'error: /proc/results: There is no such file or folder. Check the path.\n',
      ]);
    },
  );

  test.skipIf(process.getuid === undefined || process.getuid() === 0)(
    'because the permission is missing (skipped for root, whom permissions do not bind)',
    async () => {
      const out = join(newFolder(folder), 'closed');
      mkdirSync(out, { mode: 0o500 });
      try {
        expect(await tonno(['reconstruct', good, '-r', 'mean', ...small, '-o', out])).toMatchObject({
          code: 1,
          stdout: '',
          stderr: `error: ${out}: The permission is missing. Change its permissions or choose another place.\n`,
        });
        expect(filesIn(out)).toEqual([]);
      } finally {
        chmodSync(out, 0o700);
      }
    },
  );
});
