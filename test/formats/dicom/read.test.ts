import { createHash } from 'node:crypto';
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { VolumeError } from '../../../src/errors.ts';
import { decodeFrame, type Frame, frameCount } from '../../../src/formats/dicom/frames.ts';
import { looksLikeDicom, readDicom } from '../../../src/formats/dicom/object.ts';
import { decodeText } from '../../../src/formats/dicom/text.ts';

const FIXTURES = new URL('../../fixtures/dicom/', import.meta.url);
/** Real files, which are not part of the repository. */
const REAL = new URL('../../../../shared/data/dicom/', import.meta.url);

/** What pydicom reads (scripts/fixtures/dicom.py). */
interface Expected {
  readonly syntax: string;
  readonly frames: number;
  readonly rows: number;
  readonly columns: number;
  readonly type: string;
  readonly min: number;
  readonly max: number;
  readonly sum: number;
  readonly samples: readonly (readonly [number, number])[];
  readonly sha256: string;
  readonly patient: string;
}

const expected: {
  fixtures: Record<string, Expected>;
  real: Record<string, Expected>;
  texts: { sets: string[]; hex: string; text: string }[];
} = JSON.parse(await readFile(new URL('expected.json', FIXTURES), 'utf8'));

const TYPES: Record<string, string> = {
  int8: 'Int8Array',
  uint8: 'Uint8Array',
  int16: 'Int16Array',
  uint16: 'Uint16Array',
  int32: 'Int32Array',
  uint32: 'Uint32Array',
  float32: 'Float32Array',
  float64: 'Float64Array',
};

/** Wavelets that are not reversible end in rounding: two decoders may differ by a unit. None does today. */
const TOLERANCE: Record<string, number> = {};

async function expectFile(url: URL, name: string, golden: Expected) {
  const object = await readDicom(await readFile(url), name);
  expect(object.dataset.string('00100010') ?? '').toBe(golden.patient);
  expect(frameCount(object)).toBe(golden.frames);
  const hash = createHash('sha256');
  const frames: Frame[] = [];
  for (let index = 0; index < golden.frames; index++) {
    const frame = await decodeFrame(object, index);
    frames.push(frame);
    hash.update(new Uint8Array(frame.values.buffer, frame.values.byteOffset, frame.values.byteLength));
  }
  const size = golden.rows * golden.columns;
  expect(frames.map(({ rows, columns, values }) => [rows, columns, values.length])).toEqual(
    frames.map(() => [golden.rows, golden.columns, size]),
  );
  expect(frames[0].values.constructor.name).toBe(TYPES[golden.type]);
  const tolerance = TOLERANCE[name] ?? 0;
  for (const [position, value] of golden.samples) {
    const found = frames[Math.floor(position / size)].values[position % size];
    expect(Math.abs(found - value)).toBeLessThanOrEqual(tolerance);
  }
  const statistics = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, sum: 0 };
  for (const { values } of frames) {
    for (const value of values) {
      statistics.min = Math.min(statistics.min, value);
      statistics.max = Math.max(statistics.max, value);
      statistics.sum += value;
    }
  }
  expect(Math.abs(statistics.min - golden.min)).toBeLessThanOrEqual(tolerance);
  expect(Math.abs(statistics.max - golden.max)).toBeLessThanOrEqual(tolerance);
  const drift = tolerance * size * golden.frames + Math.abs(golden.sum) * 1e-12;
  expect(Math.abs(statistics.sum - golden.sum)).toBeLessThanOrEqual(drift);
  if (tolerance === 0) expect(hash.digest('hex').slice(0, 24)).toBe(golden.sha256);
}

describe('small files in every transfer syntax have the values that pydicom reads', () => {
  const names = readdirSync(FIXTURES).filter((name) => name !== 'expected.json');

  test('every file has expected values', () => {
    expect(names.sort()).toEqual(Object.keys(expected.fixtures).sort());
  });

  test.each(Object.entries(expected.fixtures))('%s', async (name, golden) => {
    const bytes = await readFile(new URL(name, FIXTURES));
    if (!name.endsWith('.gz')) expect(looksLikeDicom(bytes.subarray(0, 132))).toBe(true);
    expect((await readDicom(bytes, name)).transferSyntax).toBe(golden.syntax);
    await expectFile(new URL(name, FIXTURES), name, golden);
  });
});

const colour = 'It is an image in colour';
const pixelless = 'It has no pixels.';

/** Files of ../shared/data/dicom that are refused, and how the sentence begins. All others are read. */
const REFUSED: Record<string, string> = {
  'pydicom/ExplVR_BigEnd.dcm': colour,
  'pydicom/ExplVR_BigEndNoMeta.dcm': pixelless,
  'pydicom/ExplVR_LitEndNoMeta.dcm': pixelless,
  'pydicom/GDCMJ2K_TextGBR.dcm': colour,
  'pydicom/JPEG-lossy.dcm': 'Its pixels are in JPEG Extended (1.2.840.10008.1.2.4.51)',
  'pydicom/JPEG2000-embedded-sequence-delimiter.dcm':
    'Frame 1 cannot be read: its JPEG 2000 (1.2.840.10008.1.2.4.91) is cut into more than 4096 tiles.',
  'pydicom/JPGExtended.dcm': 'Its pixels are in JPEG Extended (1.2.840.10008.1.2.4.51)',
  'pydicom/MR_truncated.dcm': 'The file ends within the element (7FE0,0010)',
  'pydicom/SC_jpeg_no_color_transform.dcm': colour,
  'pydicom/SC_jpeg_no_color_transform_2.dcm': colour,
  'pydicom/SC_rgb_dcmtk_+eb+cr.dcm': colour,
  'pydicom/SC_rgb_dcmtk_+eb+cy+n1.dcm': colour,
  'pydicom/SC_rgb_dcmtk_+eb+cy+n2.dcm': colour,
  'pydicom/SC_rgb_dcmtk_+eb+cy+np.dcm': colour,
  'pydicom/SC_rgb_dcmtk_+eb+cy+s2.dcm': colour,
  'pydicom/SC_rgb_dcmtk_+eb+cy+s4.dcm': colour,
  'pydicom/SC_rgb_gdcm_KY.dcm': colour,
  'pydicom/SC_rgb_jls_lossy_line.dcm': colour,
  'pydicom/SC_rgb_jls_lossy_sample.dcm': colour,
  'pydicom/SC_rgb_jpeg.dcm': colour,
  'pydicom/SC_rgb_jpeg_app14_dcmd.dcm': colour,
  'pydicom/SC_rgb_jpeg_dcmd.dcm': colour,
  'pydicom/SC_rgb_jpeg_dcmtk.dcm': colour,
  'pydicom/SC_rgb_jpeg_gdcm.dcm': colour,
  'pydicom/SC_rgb_jpeg_lossy_gdcm.dcm': colour,
  'pydicom/SC_rgb_rle.dcm': colour,
  'pydicom/SC_rgb_rle_16bit.dcm': colour,
  'pydicom/SC_rgb_rle_16bit_2frame.dcm': colour,
  'pydicom/SC_rgb_rle_2frame.dcm': colour,
  'pydicom/SC_rgb_rle_32bit.dcm': colour,
  'pydicom/SC_rgb_rle_32bit_2frame.dcm': colour,
  'pydicom/SC_rgb_small_odd.dcm': colour,
  'pydicom/SC_rgb_small_odd_big_endian.dcm': colour,
  'pydicom/SC_rgb_small_odd_jpeg.dcm': colour,
  'pydicom/SC_ybr_full_422_uncompressed.dcm': colour,
  'pydicom/UN_sequence.dcm': pixelless,
  'pydicom/badVR.dcm': 'Number of Frames (0028,0008) is "1A"',
  'pydicom/empty_charset_LEI.dcm': pixelless,
  'pydicom/examples_jpeg2k.dcm': colour,
  'pydicom/examples_palette.dcm': 'It is an image in colour (PALETTE COLOR)',
  'pydicom/examples_rgb_color.dcm': colour,
  'pydicom/examples_ybr_color.dcm': colour,
  'pydicom/meta_missing_tsyntax.dcm': 'It names no transfer syntax',
  'pydicom/nested_priv_SQ.dcm': 'Bits Allocated (0028,0100) is missing.',
  // Its first byte is a stray space.
  'pydicom/no_meta.dcm': 'This is not a DICOM file.',
  'pydicom/no_meta_group_length.dcm': pixelless,
  'pydicom/priv_SQ.dcm': pixelless,
  'pydicom/reportsi.dcm': pixelless,
  'pydicom/reportsi_with_empty_number_tags.dcm': pixelless,
  'pydicom/rtplan.dcm': pixelless,
  'pydicom/rtplan_truncated.dcm': 'The file ends within the element (300A,00B0)',
  'pydicom/rtstruct.dcm': pixelless,
  'pydicom/test-SR.dcm': pixelless,
  'pydicom/waveform_ecg.dcm': pixelless,
  'nibabel/csa_slice_norm.dcm': pixelless,
};

const hasReal = existsSync(REAL);

describe.skipIf(!hasReal)(
  `real files${hasReal ? '' : ' (skipped: ../shared/data/dicom is not there)'}`,
  () => {
    const names = (hasReal ? ['pydicom', 'nibabel'] : []).flatMap((folder) =>
      readdirSync(new URL(`${folder}/`, REAL))
        .filter((name) => name.includes('.dcm'))
        .map((name) => `${folder}/${name}`),
    );

    test('each is either read or refused', () => {
      const read = Object.keys(expected.real).filter((name) => !(name in REFUSED));
      expect([...read, ...Object.keys(REFUSED)].sort()).toEqual(names.sort());
    });

    test.each(
      Object.entries(expected.real).filter(([name]) => !(name in REFUSED)),
    )('%s has the values that pydicom reads', (name, golden) =>
      expectFile(new URL(name, REAL), name, golden));

    test.each(Object.entries(REFUSED))('%s is refused: %s', async (name, sentence) => {
      const bytes = await readFile(new URL(name, REAL));
      const failure = await readDicom(bytes, name)
        .then((object) => decodeFrame(object, 0))
        .then(
          () => undefined,
          (error: unknown) => error,
        );
      expect(failure).toBeInstanceOf(VolumeError);
      const { problem, remedy } = failure as VolumeError;
      expect(problem.slice(0, sentence.length)).toBe(sentence);
      expect(remedy).toMatch(/\.$/);
    });
  },
);

/** jpeg-lossless-decoder-js brings files of its own: one image of 256 × 256 pixels by every predictor. */
const LIBRARY = new URL('../../../node_modules/jpeg-lossless-decoder-js/tests/data/', import.meta.url);

test.skipIf(!existsSync(LIBRARY)).each([1, 2, 3, 4, 5, 6, 7])(
  'predictor %i of JPEG Lossless, by an encoder of others, gives the image that pydicom reads',
  async (predictor) => {
    const name = `jpeg_lossless_sel${predictor}.dcm`;
    const { values } = await decodeFrame(await readDicom(await readFile(new URL(name, LIBRARY)), name), 0);
    const hash = createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
    expect(hash.slice(0, 24)).toBe('1ec00c6c088ec7afeb236177');
  },
);

test.each(expected.texts)('text in $sets reads $text', ({ sets, hex, text }) => {
  expect(decodeText(Buffer.from(hex, 'hex'), sets)).toBe(text);
});
