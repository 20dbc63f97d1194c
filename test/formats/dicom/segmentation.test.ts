import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { TonnoError, UsageError, VolumeError } from '../../../src/errors.ts';
import { readDicom } from '../../../src/formats/dicom/object.ts';
import {
  decodeSegmentation,
  encodeSegmentation,
  type SegmentationOptions,
} from '../../../src/formats/dicom/segmentation.ts';
import type { DecodedDicom } from '../../../src/formats/dicom/series.ts';
import { randomUid } from '../../../src/formats/dicom/uid.ts';
import { VERSION } from '../../../src/version.ts';
import { invertAffine, mapPoint, type Point } from '../../../src/volume/affine.ts';
import { type Volume, voxelCount } from '../../../src/volume/volume.ts';
import { type DicomElements, dicomDataSet, dicomFile } from '../../support/dicom.ts';
import {
  checkedElements,
  FIXTURES,
  fixture,
  fixtureSeries,
  madeSeries,
  randomSource,
  seriesIn,
} from './segmentation-sources.ts';
import { decimals, items, text, whole } from './slices.ts';

const manual: SegmentationOptions = { label: 'Lesion', algorithm: { type: 'MANUAL' } };
/** Those of scripts/fixtures/encode_seg.mjs. */
const checked = (): SegmentationOptions => {
  let count = 0;
  return {
    label: 'Läsion',
    description: 'Voxels above 1050',
    algorithm: { type: 'AUTOMATIC', name: 'threshold' },
    contentCreator: 'Threshold^A',
    now: new Date(2024, 4, 17, 10, 11, 12, 345),
    uid: () => `2.25.${++count}`,
  };
};

const threshold = ({ volume }: DecodedDicom, above = 1050): Volume => ({
  ...volume,
  name: 'mask.nii.gz',
  data: volume.data.map((value) => (value > above ? 1 : 0)),
});

const read = (bytes: Uint8Array) => readDicom(bytes, 'seg.dcm');
const setVoxels = (data: Float32Array) => [...data].flatMap((value, i) => (value === 0 ? [] : [i]));

const isSame = (a: Float32Array, b: Float32Array) =>
  a.length === b.length && a.every((value, i) => value === b[i]);

/** World millimetres of a volume's voxel by its index in the array. */
function place({ shape, geometry }: Pick<Volume, 'shape' | 'geometry'>, index: number): Point {
  const [, height, width] = shape;
  const at = [index % width, Math.floor(index / width) % height, Math.floor(index / width / height)];
  return mapPoint(geometry.affine, at as unknown as Point);
}

describe('encodeSegmentation', () => {
  test.each([
    'axial',
    'coronal',
    'multiframe',
  ])('%s: writes, byte for byte, the data set in which pydicom, highdicom and dciodvfy found all attributes and voxels in place', async (name) => {
    const source = await fixtureSeries(name);
    const bytes = encodeSegmentation(threshold(source), source, checked());
    const elements = checkedElements(name);
    const expected = dicomDataSet({ ...elements, '00181020': text(VERSION) });
    expect(Buffer.from(bytes.subarray(-expected.length)).equals(expected)).toBe(true);

    const { dataset, transferSyntax } = await read(bytes);
    expect(transferSyntax).toBe('1.2.840.10008.1.2.1');
    expect(dataset.string('00020002')).toBe('1.2.840.10008.5.1.4.1.1.66.4');
    expect(dataset.string('00020003')).toBe(dataset.string('00080018'));
    expect(dataset.number('00020000')).toBe(bytes.length - expected.length - 132 - 12);
    expect(dataset.string('00020012')).toMatch(/^2\.25\.\d+$/);
    expect(dataset.string('00020013')).toBe(`TONNO_${VERSION}`);
  });

  it('copies patient and study, in whatever character set the source has them', async () => {
    const source = await fixtureSeries('coronal');
    const { dataset } = await read(encodeSegmentation(threshold(source), source, manual));
    expect(dataset.string('00080005')).toBe('ISO_IR 192');
    expect(dataset.string('00100010')).toBe('Müller^Jörg');
    expect(dataset.string('00101030')).toBe('71.5');
    expect(dataset.string('00080090')).toBe('House^Gregory');
    for (const tag of ['0020000d', '00080020', '00080030', '00200010', '00080050', '00200052']) {
      expect(dataset.string(tag), tag).toBe(source.slices[0].object.dataset.string(tag));
    }
    expect(dataset.string('00200011')).toBe('1002');
    expect(dataset.has('00620009')).toBe(false);
  });

  it('says what the source was made unknown by, and that it lost in compression', async () => {
    const source = await fixtureSeries('multiframe');
    const [{ object }] = source.slices;
    const more: DicomElements = {
      '00120062': text('YES', 'CS'),
      '00120064': items({
        '00080100': text('113100', 'SH'),
        '00080102': text('DCM', 'SH'),
        '00080104': text('Basic Application Confidentiality Profile'),
      }),
      '00282110': text('01', 'CS'),
      '00282112': decimals(7.5),
      '00282114': text('ISO_10918_1', 'CS'),
    };
    const extra = (await read(dicomFile(more))).dataset;
    const own = object.dataset;
    const dataset: typeof own = {
      has: (tag) => extra.has(tag) || own.has(tag),
      string: (tag) => extra.string(tag) ?? own.string(tag),
      strings: (tag) => (extra.has(tag) ? extra : own).strings(tag),
      number: (tag) => extra.number(tag) ?? own.number(tag),
      numbers: (tag) => (extra.has(tag) ? extra : own).numbers(tag),
      sequence: (tag) => (extra.has(tag) ? extra : own).sequence(tag),
      bytes: (tag) => own.bytes(tag),
    };
    const slices = source.slices.map((slice) => ({ ...slice, object: { ...object, dataset } }));
    const written = await read(encodeSegmentation(threshold(source), { ...source, slices }, manual));
    expect(written.dataset.string('00120062')).toBe('YES');
    expect(written.dataset.sequence('00120064')[0].string('00080100')).toBe('113100');
    expect(written.dataset.string('00282110')).toBe('01');
    expect(written.dataset.number('00282112')).toBe(7.5);
    expect(written.dataset.string('00282114')).toBe('ISO_10918_1');
  });

  it('takes codes, names and numbers that are given, and the day and time of now', async () => {
    const source = await fixtureSeries('axial');
    const bytes = encodeSegmentation(threshold(source), source, {
      label: '左肺',
      algorithm: { type: 'SEMIAUTOMATIC', name: 'region growing' },
      category: { value: '123037004', scheme: 'SCT', meaning: 'Anatomical Structure' },
      type: { value: '39607008', scheme: 'SCT', meaning: 'Lung' },
      seriesNumber: 7,
      seriesDescription: 'lungs',
      now: new Date(2031, 0, 2, 3, 4, 5, 6),
    });
    const { segments } = await decodeSegmentation(await read(bytes));
    expect(segments).toEqual([
      {
        number: 1,
        label: '左肺',
        description: undefined,
        algorithmType: 'SEMIAUTOMATIC',
        algorithmName: 'region growing',
        category: { value: '123037004', scheme: 'SCT', meaning: 'Anatomical Structure' },
        type: { value: '39607008', scheme: 'SCT', meaning: 'Lung' },
      },
    ]);
    const { dataset } = await read(bytes);
    expect(dataset.number('00200011')).toBe(7);
    expect(dataset.string('0008103e')).toBe('lungs');
    expect([dataset.string('00080023'), dataset.string('00080033')]).toEqual(['20310102', '030405.006']);
  });

  it('makes new identifiers each time, as 2.25 and a random UUID', async () => {
    const source = await fixtureSeries('axial');
    const uids = await Promise.all(
      [0, 1].map(async () => {
        const { dataset } = await read(encodeSegmentation(threshold(source), source, manual));
        const organization = dataset.sequence('00209221')[0].string('00209164');
        return [dataset.string('00080018'), dataset.string('0020000e'), organization];
      }),
    );
    expect(new Set(uids.flat()).size).toBe(6);
    for (let i = 0; i < 50; i++) {
      const uid = randomUid();
      expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
      const hex = BigInt(uid.slice(5)).toString(16).padStart(32, '0');
      expect(hex).toMatch(/^[0-9a-f]{12}4[0-9a-f]{3}[89ab][0-9a-f]{15}$/);
    }
  });

  it('keeps one empty frame of a mask without voxels, and reads it back as such', async () => {
    const source = await fixtureSeries('axial');
    const object = await read(encodeSegmentation(threshold(source, Infinity), source, manual));
    expect(object.dataset.number('00280008')).toBe(1);
    const { volume } = await decodeSegmentation(object, { reference: source });
    expect(volume.shape).toEqual(source.volume.shape);
    expect(setVoxels(volume.data)).toEqual([]);
  });

  it('turns a mask whose axes are stored in another way, and refuses one that lies elsewhere', async () => {
    const source = await fixtureSeries('coronal');
    const mask = threshold(source);
    const [depth, height, width] = mask.shape;
    // The axes as (W, D reversed, H).
    const data = new Float32Array(mask.data.length);
    for (let d = 0; d < depth; d++) {
      for (let h = 0; h < height; h++) {
        for (let w = 0; w < width; w++) {
          data[(w * depth + (depth - 1 - d)) * height + h] = mask.data[(d * height + h) * width + w];
        }
      }
    }
    const a = mask.geometry.affine;
    const affine = [0, 4, 8].flatMap((r) => [a[r + 1], -a[r + 2], a[r], a[r + 3] + (depth - 1) * a[r + 2]]);
    const turned: Volume = {
      ...mask,
      data,
      shape: [width, depth, height],
      geometry: { affine: [...affine, 0, 0, 0, 1] },
    };
    const options = checked();
    expect(encodeSegmentation(turned, source, options)).toEqual(encodeSegmentation(mask, source, checked()));
    const shifted = { ...mask, geometry: { affine: a.map((value, i) => (i === 3 ? value + 0.9 : value)) } };
    expect(() => encodeSegmentation(shifted, source, manual)).toThrow(
      /^mask\.nii\.gz: Its voxels lie up to 0\.90 mm from those of series "source 2"/,
    );
    const cropped = {
      ...mask,
      data: mask.data.subarray(height * width),
      shape: [depth - 1, height, width] as const,
    };
    expect(() => encodeSegmentation(cropped, source, manual)).toThrow('It has 4 × 7 × 5 voxels');
  });

  it('refuses a source that cannot be referred to', async () => {
    const source = await fixtureSeries('axial');
    const [first, ...others] = source.slices;
    for (const tag of ['00080016', '00080018', '0020000d', '0020000e']) {
      const own = first.object.dataset;
      const methods = { has: own.has, numbers: own.numbers, sequence: own.sequence, bytes: own.bytes };
      const dataset: typeof own = {
        ...methods,
        string: (asked) => (asked === tag ? undefined : own.string(asked)),
        strings: (asked) => own.strings(asked),
        number: (asked) => own.number(asked),
      };
      const slices = [...others, { ...first, object: { ...first.object, dataset } }];
      expect(() => encodeSegmentation(threshold(source), { ...source, slices }, manual)).toThrow(
        'by which a segmentation refers to it.',
      );
    }
  });

  it('refuses several channels and NaN', async () => {
    const source = await fixtureSeries('axial');
    const mask = threshold(source);
    const two = { ...mask, channels: 2, data: new Float32Array(2 * mask.data.length) };
    expect(() => encodeSegmentation(two, source, manual)).toThrow('It has 2 channels, and a mask has one.');
    const data = mask.data.slice();
    data[9] = Number.NaN;
    expect(() => encodeSegmentation({ ...mask, data }, source, manual)).toThrow('voxels that are NaN');
  });

  test.each([
    ['an empty label', { label: ' ' }],
    ['a long label', { label: 'x'.repeat(65) }],
    ['a backslash', { description: 'a\\b' }],
    ['a line break', { seriesDescription: 'a\nb' }],
    ['an algorithm without a name', { algorithm: { type: 'AUTOMATIC' } }],
    ['a long code', { type: { value: '1'.repeat(17), scheme: 'SCT', meaning: 'much' } }],
    ['no whole number', { seriesNumber: 1.5 }],
  ] as const)('refuses what DICOM has no place for: %s', async (_, options) => {
    const source = await fixtureSeries('multiframe');
    expect(() => encodeSegmentation(threshold(source), source, { ...manual, ...options })).toThrow(
      UsageError,
    );
  });
});

describe('a segmentation written and read back', () => {
  it('has the same voxels at the same places, on any grid, from single slices and from frames', async () => {
    await fc.assert(
      fc.asyncProperty(
        randomSource,
        fc.infiniteStream(fc.constantFrom(0, 0, 0, 1, 0.5, -3)),
        fc.nat(),
        async (random, stream, gap) => {
          const source = await madeSeries(random);
          const { shape } = source.volume;
          const pixels = shape[1] * shape[2];
          // One plane is left empty, as most are in life.
          const data = Float32Array.from({ length: voxelCount(shape) }, (_, i) => {
            const value = stream.next().value as number;
            return Math.floor(i / pixels) === gap % shape[0] ? 0 : value;
          });
          const bytes = encodeSegmentation({ ...source.volume, data }, source, manual);
          const object = await read(bytes);
          const marked = setVoxels(data);

          const placed = await decodeSegmentation(object, { reference: source });
          expect(placed.volume.shape).toEqual(shape);
          expect(placed.volume.geometry).toBe(source.volume.geometry);
          expect(setVoxels(placed.volume.data)).toEqual(marked);
          expect(placed.volume.data.every((value) => value === 0 || value === 1)).toBe(true);

          const { volume } = await decodeSegmentation(object);
          const toSource = invertAffine(source.volume.geometry.affine);
          const found = setVoxels(volume.data).map((index) => {
            const [x, y, z] = mapPoint(toSource, place(volume, index));
            for (const part of [x, y, z]) expect(Math.abs(part - Math.round(part))).toBeLessThan(1e-3);
            return (Math.round(z) * shape[1] + Math.round(y)) * shape[2] + Math.round(x);
          });
          expect(found.sort((a, b) => a - b)).toEqual(marked);
        },
      ),
      { numRuns: 40 },
    );
  });

  const real = new URL('../../../../shared/data/dicom/ibsi_orientation/', import.meta.url);
  const there = existsSync(real);
  test.skipIf(!there)(`of the orientation phantom${there ? '' : ' (no ../shared/data)'}`, async () => {
    const source = await seriesIn(real, 'ibsi_orientation');
    const { volume } = source;
    const middle = [...volume.data].sort((a, b) => a - b)[volume.data.length >> 1];
    const mask = threshold(source, middle);
    const object = await read(encodeSegmentation(mask, source, manual));
    const back = await decodeSegmentation(object, { reference: source });
    expect(isSame(back.volume.data, mask.data)).toBe(true);
    expect(mask.data.reduce((sum, value) => sum + value, 0)).toBeGreaterThan(10_000);
    const alone = await decodeSegmentation(object);
    expect(alone.volume.shape).toEqual(volume.shape);
    expect(isSame(alone.volume.data, mask.data)).toBe(true);
    alone.volume.geometry.affine.forEach((value, i) => {
      expect(value).toBeCloseTo(volume.geometry.affine[i], 9);
    });
  });
});

describe('decodeSegmentation', () => {
  const golden = JSON.parse(readFileSync(new URL('highdicom.json', FIXTURES), 'utf8'));
  const object = (kind: string) => readDicom(fixture(`highdicom-${kind}.dcm`), `${kind}.dcm`);
  const channel = ({ data, shape }: Volume, c: number) =>
    data.subarray(c * voxelCount(shape), (c + 1) * voxelCount(shape));

  test.each([
    true,
    false,
  ])('BINARY of highdicom, two segments that overlap (on the grid of the series: %s)', async (given) => {
    const reference = given ? await fixtureSeries('coronal') : undefined;
    const { volume, segments, kind } = await decodeSegmentation(await object('binary'), { reference });
    expect(kind).toBe('BINARY');
    expect(segments.map(({ number, label }) => `${number} ${label}`)).toEqual(['1 bright', '2 thirds']);
    expect(segments[0].category?.value).toBe('49755003');
    expect(segments[0].type?.meaning).toBe('Lesion');
    expect([volume.channels, ...volume.shape]).toEqual([2, ...golden.shape]);
    golden.affine.forEach((value: number, i: number) => {
      expect(volume.geometry.affine[i]).toBeCloseTo(value, 6);
    });
    expect(setVoxels(channel(volume, 0))).toEqual(golden.bright);
    expect(setVoxels(channel(volume, 1))).toEqual(golden.thirds);
  });

  it('FRACTIONAL of highdicom, as parts of its maximum', async () => {
    const { volume, kind } = await decodeSegmentation(await object('fractional'));
    expect(kind).toBe('FRACTIONAL');
    const reference = await fixtureSeries('coronal');
    const whole = await decodeSegmentation(await object('fractional'), { reference });
    expect(whole.volume.data.length).toBe(golden.parts.length);
    golden.parts.forEach((value: number, i: number) => {
      expect(whole.volume.data[i]).toBeCloseTo(value, 5);
    });
    // Alone it has the planes between the first and the last with anything in them.
    expect(volume.data.length).toBeLessThanOrEqual(whole.volume.data.length);
    expect(setVoxels(volume.data).length).toBe(golden.parts.filter((value: number) => value > 0).length);
  });

  it('a label map of highdicom, without its background', async () => {
    const reference = await fixtureSeries('coronal');
    const { volume, segments, kind } = await decodeSegmentation(await object('labelmap'), { reference });
    expect(kind).toBe('LABELMAP');
    expect(segments.map(({ label }) => label)).toEqual(['bright', 'thirds']);
    expect(setVoxels(channel(volume, 0))).toEqual(golden['labelmap bright']);
    expect(setVoxels(channel(volume, 1))).toEqual(golden['labelmap thirds']);
  });

  it('gives the segments that are chosen, in that order, and says what there is', async () => {
    for (const kind of ['binary', 'labelmap']) {
      const prefix = kind === 'binary' ? '' : 'labelmap ';
      const one = await decodeSegmentation(await object(kind), { segments: ['thirds'] });
      expect(setVoxels(one.volume.data).length).toBe(golden[`${prefix}thirds`].length);
      const both = await decodeSegmentation(await object(kind), { segments: [2, 'bright'] });
      expect(setVoxels(channel(both.volume, 1)).length).toBe(golden[`${prefix}bright`].length);
      expect(both.segments.map(({ number }) => number)).toEqual([2, 1]);
    }
    await expect(decodeSegmentation(await object('binary'), { segments: ['lung'] })).rejects.toThrow(
      'binary.dcm: It has no segment "lung". Choose by number or label: 1 ("bright"), 2 ("thirds").',
    );
  });

  it('keeps to the limit of memory', async () => {
    await expect(decodeSegmentation(await object('binary'), { maxBytes: 1399 })).rejects.toThrow(
      'Its 2 segments of 5 × 7 × 5 voxels would take 0.0 MB',
    );
    await decodeSegmentation(await object('binary'), { maxBytes: 1400 });
  });

  it('refuses a series that it does not lie on', async () => {
    const own = await fixtureSeries('coronal');
    await expect(
      decodeSegmentation(await object('binary'), { reference: await fixtureSeries('axial') }),
    ).rejects.toThrow('another frame of reference');
    const moved = (change: (affine: number[]) => void) => {
      const affine = [...own.volume.geometry.affine];
      change(affine);
      return { ...own, volume: { ...own.volume, geometry: { affine } } };
    };
    for (const change of [
      (affine: number[]) => {
        affine[3] += 0.4;
      },
      (affine: number[]) => {
        affine[0] *= 1.5;
      },
    ]) {
      await expect(decodeSegmentation(await object('binary'), { reference: moved(change) })).rejects.toThrow(
        'Its pixels lie between or across the voxels of the grid of the series that is to hold it.',
      );
    }
    const short = { ...own, volume: { ...own.volume, shape: [4, 7, 5] as const } };
    await expect(decodeSegmentation(await object('binary'), { reference: short })).rejects.toThrow(
      'It reaches beyond the grid of the series that is to hold it.',
    );
  });

  it('puts frames of another orientation, and parts of planes, where they lie on the grid of the series', async () => {
    const elements = checkedElements('axial');
    const reference = await fixtureSeries('axial');
    // The source is upright: 5 slices of 6 rows × 7 columns, 3 mm, 0.75 mm × 1.25 mm, from (−20.5, 31.25, −100).
    const frame = (position: number[]): DicomElements => ({
      '00209113': items({ '00200032': decimals(...position) }),
      '0062000a': items({ '0062000b': whole(1) }),
    });
    const sagittal = {
      ...elements,
      '00280008': text('1', 'IS'),
      '00280010': whole(2),
      '00280011': whole(3),
      '52009229': items({
        // Rows to the feet, columns to the front.
        '00209116': items({ '00200037': decimals(0, 0, -1, 0, -1, 0) }),
        '00289110': items({ '00280030': decimals(0.75, 3), '00180050': decimals(1.25) }),
      }),
      '52009230': items(frame([-20.5 + 1.25 * 4, 31.25 + 0.75 * 5, -100 + 3 * 4])),
      // Rows: 1 0 1, 0 1 1.
      '7fe00010': { vr: 'OB', value: Uint8Array.of(0b110101, 0) },
    };
    const { volume } = await decodeSegmentation(await read(dicomFile(sagittal)), { reference });
    const index = (d: number, h: number, w: number) => (d * 6 + h) * 7 + w;
    expect(setVoxels(volume.data)).toEqual(
      [index(4, 5, 4), index(2, 5, 4), index(3, 4, 4), index(2, 4, 4)].sort((a, b) => a - b),
    );
  });

  describe('without a series', () => {
    /** So many bits of 1, and as many of 0 as make an even number of bytes. */
    const ones = (bits: number) =>
      Uint8Array.from({ length: 2 * Math.ceil(bits / 16) }, (_, i) =>
        bits >= 8 * (i + 1) ? 0xff : bits > 8 * i ? (1 << (bits - 8 * i)) - 1 : 0,
      );
    const framesAt = (heights: number[], { between }: { between?: number } = {}): Uint8Array => {
      const elements = checkedElements('axial');
      return dicomFile({
        ...elements,
        '00280008': text(String(heights.length), 'IS'),
        '00280010': whole(2),
        '00280011': whole(2),
        '52009229': items({
          '00209116': items({ '00200037': decimals(1, 0, 0, 0, 1, 0) }),
          '00289110': items({
            '00280030': decimals(1, 1),
            ...(between !== undefined && { '00180088': decimals(between) }),
          }),
        }),
        '52009230': items(
          ...heights.map((z) => ({
            '00209113': items({ '00200032': decimals(0, 0, z) }),
            '0062000a': items({ '0062000b': whole(1) }),
          })),
        ),
        '7fe00010': { vr: 'OB', value: ones(4 * heights.length) },
      });
    };
    const planes = async (heights: number[], options?: { between?: number }) => {
      const { volume } = await decodeSegmentation(await read(framesAt(heights, options)));
      const filled = [...new Set(setVoxels(volume.data).map((i) => Math.floor(i / 4)))];
      return {
        filled,
        count: volume.shape[0],
        step: volume.geometry.affine[10],
        first: volume.geometry.affine[11],
      };
    };

    it('lays left-out planes between the others, by the distance that is told or the smallest found', async () => {
      expect(await planes([10, 2, 6])).toEqual({ filled: [0, 1, 2], count: 3, step: 4, first: 2 });
      expect(await planes([12, 2, 4])).toEqual({ filled: [0, 1, 5], count: 6, step: 2, first: 2 });
      expect(await planes([10, 2, 6], { between: 2 })).toEqual({
        filled: [0, 2, 4],
        count: 5,
        step: 2,
        first: 2,
      });
      expect(await planes([10, 2, 6], { between: -2 })).toMatchObject({ count: 5, step: 2 });
      expect(await planes([7], { between: 2.5 })).toEqual({ filled: [0], count: 1, step: 2.5, first: 7 });
    });

    it('does not believe a distance that its frames do not have', async () => {
      expect(await planes([10, 2, 6], { between: 5 })).toMatchObject({ filled: [0, 1, 2], step: 4 });
      expect(await planes([10, 2, 6], { between: 3 })).toMatchObject({ filled: [0, 1, 2], step: 4 });
    });

    it('refuses uneven planes, and one plane of no thickness', async () => {
      await expect(planes([0, 2, 5])).rejects.toThrow('Its frames are unevenly spaced');
      await expect(planes([0, 2, 4.2])).rejects.toThrow('the smallest distance between two of them is 2 mm');
      await expect(planes([0])).rejects.toThrow('nothing says how thick it is');
      await expect(planes([0], { between: 1e-320 })).rejects.toThrow('make no grid');
    });
  });

  describe('damaged', () => {
    const good = checkedElements('axial');
    const cases: [string, DicomElements, string | RegExp][] = [
      ['another class', { '00080016': text('1.2.840.10008.5.1.4.1.1.2', 'UI') }, 'This is no segmentation'],
      ['no class', { '00080016': text('', 'UI') }, 'its SOP class is not said'],
      ['another type', { '00620001': text('VECTOR', 'CS') }, 'Its Segmentation Type is VECTOR.'],
      ['no type', { '00620001': text('', 'CS') }, 'Its Segmentation Type is not said.'],
      ['no segments', { '00620002': items() }, 'It describes no segments.'],
      ['a segment without a number', { '00620002': items({ '00620005': text('x') }) }, 'has no number'],
      [
        'segments of one number',
        { '00620002': items({ '00620004': whole(1) }, { '00620004': whole(1) }) },
        'segments of the same number',
      ],
      [
        'frames of no segment',
        { '00620002': items({ '00620004': whole(4) }) },
        'belongs to segment 1, which is not described',
      ],
      ['no rows', { '00280010': whole(0) }, /Rows|rows/],
      ['fewer pixels', { '7fe00010': { vr: 'OB', value: new Uint8Array(4) } }, 'bytes'],
      ['no pixels', { '7fe00010': { vr: 'OB', value: new Uint8Array(0) } }, VolumeError.name],
      ['eight bits', { '00280100': whole(8) }, /bits|bytes/],
      ['too few groups', { '00280008': text('9', 'IS') }, VolumeError.name],
      ['no groups', { '52009230': items() }, VolumeError.name],
      ['empty groups', { '52009230': items({}, {}, {}, {}) }, 'Image Position (Patient)'],
      ['no orientation', { '52009229': items({}) }, 'Image Orientation (Patient)'],
    ];
    test.each(cases)('%s: a sentence', async (_, change, message) => {
      const damaged = await read(dicomFile({ ...good, ...change }));
      const error = await decodeSegmentation(damaged).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(VolumeError);
      if (message !== VolumeError.name) expect(error.message).toMatch(message);
    });

    it('two frames at one place', async () => {
      const groups = good['52009230'].value as DicomElements[];
      const twice = { ...good, '52009230': items(groups[0], groups[1], groups[2], groups[0]) };
      await expect(decodeSegmentation(await read(dicomFile(twice)))).rejects.toThrow(
        'Another frame of the same segment lies at the same place.',
      );
    });

    it('frames beside each other', async () => {
      const groups = good['52009230'].value as DicomElements[];
      const aside = {
        ...groups[1],
        '00209113': items({ '00200032': decimals(-20, 31.25, -97) }),
      };
      const skew = { ...good, '52009230': items(groups[0], aside, groups[2], groups[3]) };
      await expect(decodeSegmentation(await read(dicomFile(skew)))).rejects.toThrow(
        "seg.dcm frame 2: Its pixels lie between or across the voxels of the grid of the object's other frames.",
      );
    });

    it('a fraction above its maximum, a label that is not described', async () => {
      const fractional = {
        ...good,
        '00620001': text('FRACTIONAL', 'CS'),
        '0062000e': whole(100),
        '00280100': whole(8),
        '00280101': whole(8),
        '00280102': whole(7),
        '7fe00010': { vr: 'OB', value: new Uint8Array(4 * 42).fill(101, 3, 4) },
      };
      await expect(decodeSegmentation(await read(dicomFile(fractional)))).rejects.toThrow(
        'It has a value of 101, and the largest is said to be 100.',
      );
      const labels = {
        ...fractional,
        '00620001': text('LABELMAP', 'CS'),
        '52009230': good['52009230'],
      };
      await expect(decodeSegmentation(await read(dicomFile(labels)))).rejects.toThrow(
        'It has pixels of segment 101, which is not described.',
      );
    });

    it('bytes changed at random: volumes of the header’s shape or sentences, nothing else', async () => {
      const files = ['binary', 'fractional', 'labelmap'].map((kind) => fixture(`highdicom-${kind}.dcm`));
      let [refused, taken] = [0, 0];
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...files),
          fc.array(fc.tuple(fc.nat(6399), fc.nat(255)), { minLength: 1, maxLength: 4 }),
          fc.option(fc.integer({ min: 0, max: 6399 }), { freq: 4 }),
          async (file, changes, end) => {
            const bytes = file.slice(0, end ?? undefined);
            for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
            try {
              const { volume, segments } = await decodeSegmentation(await read(bytes), { maxBytes: 2 ** 26 });
              expect(volume.data.length).toBe(segments.length * voxelCount(volume.shape));
              taken++;
            } catch (error) {
              if (!(error instanceof TonnoError)) throw error;
              refused++;
            }
          },
        ),
        { numRuns: 250 },
      );
      expect(refused).toBeGreaterThan(25);
      expect(taken).toBeGreaterThan(25);
    });
  });
});
