import { describe, expect, test } from 'vitest';
import { type DicomObject, readDicom } from '../../../src/formats/dicom/object.ts';
import { chooseSeries, decodeSeries, groupSeries } from '../../../src/formats/dicom/series.ts';
import { type DicomElements, dicomFile } from '../../support/dicom.ts';
import { failure } from '../build.ts';
import { decimals, type Elements, items, sliceElements, text, whole } from './slices.ts';

interface Frame {
  readonly position: readonly number[];
  readonly own?: DicomElements;
}

/** An enhanced multi-frame object of 2 × 3 pixels a frame; values are ten times the frame's number and up. */
async function enhanced(
  frames: readonly Frame[],
  shared: DicomElements = {},
  more: Elements = {},
): Promise<DicomObject> {
  const groups = {
    '00209116': items({ '00200037': decimals(0, 1, 0, 0, 0, -1) }),
    '00289110': items({ '00280030': decimals(2, 1.5), '00180050': decimals(9) }),
    ...shared,
  };
  const elements = sliceElements({
    position: [],
    values: frames.flatMap((_, k) => [0, 1, 2, 3, 4, 5].map((value) => 10 * k + value)),
    more: {
      '00200032': undefined,
      '00200037': undefined,
      '00280030': undefined,
      '00280008': text(String(frames.length), 'IS'),
      '52009229': items(groups),
      '52009230': items(
        ...frames.map(({ position, own = {} }) => ({
          '00209113': items({ '00200032': decimals(...position) }),
          ...own,
        })),
      ),
      ...more,
    },
  });
  return readDicom(dicomFile(elements), 'enhanced.dcm');
}

async function decode(objects: readonly DicomObject[], choice?: string) {
  return decodeSeries(chooseSeries(groupSeries(objects).series, 'folder', choice));
}

/** Sagittal frames: rows to the back, columns to the feet, so that the normal points to the right, −x in DICOM. */
const sagittal = (...xs: readonly number[]) => xs.map((x) => ({ position: [x, -10, 20] }));

describe('enhanced multi-frame objects', () => {
  test('lie where their functional groups say, and their frames are sorted', async () => {
    const { volume, slices } = await decode([await enhanced(sagittal(4, 8, 6))]);
    expect(volume.shape).toEqual([3, 2, 3]);
    // The frame at x = 8 comes first: the normal, row × column, points to smaller x, greater x in RAS+.
    expect(slices.map(({ frame }) => frame)).toEqual([1, 2, 0]);
    expect([...volume.data]).toEqual([10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25, 0, 1, 2, 3, 4, 5]);
    expect(volume.geometry.affine).toEqual([0, 0, 2, -8, -1.5, 0, 0, 10, 0, -2, 0, 20, 0, 0, 0, 1]);
  });

  test('have values of their own scaling in each frame', async () => {
    const frames = sagittal(2, 1, 0).map((frame, i) => ({
      ...frame,
      own: {
        '00289145': items({
          '00281053': decimals(i + 1),
          '00281052': decimals(-100 * i),
          '00281054': text('US'),
        }),
      },
    }));
    const { volume, notes, units } = await decode([await enhanced(frames)]);
    expect([...volume.data]).toEqual([
      0, 1, 2, 3, 4, 5, -80, -78, -76, -74, -72, -70, -140, -137, -134, -131, -128, -125,
    ]);
    expect(notes[0]).toContain('slope (1 to 3, one a plane), and the intercept (-200 to 0, one a plane)');
    expect(units).toBeUndefined();
    const shared = {
      '00289145': items({ '00281053': decimals(2), '00281052': decimals(1), '00281054': text('HU') }),
    };
    const once = await decode([await enhanced(sagittal(2, 1), shared)]);
    expect([...once.volume.data.subarray(0, 3)]).toEqual([1, 3, 5]);
    expect(once.units).toBe('HU');
    const mapping = items({ '004008ea': items({ '00080100': text("[hnsf'U]", 'SH') }) });
    const mapped = await decode([await enhanced(sagittal(2, 1), { '00409096': mapping })]);
    expect(mapped.notes).toEqual(['The Real World Value Mapping of the files is not applied.']);
  });

  test('with several volumes in one file are parts to choose from', async () => {
    const volumes = [0, 1000].flatMap((b) =>
      sagittal(2, 1, 0).map((frame) => ({
        ...frame,
        own: { '00189117': items({ '00189087': { vr: 'FD', value: b } }) },
      })),
    );
    // As a scanner may write them: both b-values of a place, then the next place.
    const object = await enhanced([0, 3, 1, 4, 2, 5].map((i) => volumes[i]));
    const { series } = groupSeries([object]);
    expect(series.map(({ description }) => description)).toEqual([
      '(DiffusionBValue 0)',
      '(DiffusionBValue 1000)',
    ]);
    const { volume, slices } = await decode([object], '1000');
    expect(slices.map(({ frame }) => frame)).toEqual([1, 3, 5]);
    expect([...volume.data]).toEqual([
      10, 11, 12, 13, 14, 15, 30, 31, 32, 33, 34, 35, 50, 51, 52, 53, 54, 55,
    ]);
    expect(volume.name).toContain('#2');
    await expect(decodeSeries({ ...series[0], frames: undefined })).rejects.toThrow(
      'DiffusionBValue (0, 1000)',
    );
  });

  test('with frames that go on from file to file are one volume', async () => {
    const first = await enhanced(sagittal(3, 2), {}, { '00080018': text('1.2.3.1', 'UI') });
    const second = await enhanced(sagittal(1, 0), {}, { '00080018': text('1.2.3.2', 'UI') });
    const { volume, slices } = await decode([second, first]);
    expect(volume.shape[0]).toBe(4);
    expect(slices.map(({ sopInstance, frame }) => `${sopInstance} ${frame}`)).toEqual([
      '1.2.3.1 0',
      '1.2.3.1 1',
      '1.2.3.2 0',
      '1.2.3.2 1',
    ]);
  });

  test('of one frame take its thickness', async () => {
    const { volume } = await decode([await enhanced(sagittal(3))]);
    expect(volume.geometry.affine[2]).toBe(9);
  });

  test('are refused when a frame is missing its place, or its group', async () => {
    const lost = await enhanced([
      { position: [0, 0, 0], own: { '00209113': items({}) } },
      { position: [1, 0, 0] },
    ]);
    expect((await failure(decode([lost]))).message).toContain(
      'enhanced.dcm frame 1: It has no Image Position',
    );
    const short = await enhanced(
      sagittal(2, 1),
      {},
      {
        '00280008': text('3', 'IS'),
        '7fe00010': { vr: 'OW', value: Array(18).fill(0) },
      },
    );
    expect((await failure(decode([short]))).message).toContain('It has 3 frames, and functional groups of 2');
    const gap = await enhanced(sagittal(9, 8, 6, 5));
    expect((await failure(decode([gap]))).message).toContain(
      'A plane is missing: from -8 mm (enhanced.dcm frame 2)',
    );
  });
});

/** A dose grid of 2 × 3 pixels a frame. */
async function dose(
  offsets: readonly number[] | undefined,
  more: Elements = {},
  directions = [1, 0, 0, 0, 1, 0],
) {
  const frames = offsets?.length ?? 3;
  const elements = sliceElements({
    position: [-10, -20, 30],
    directions,
    modality: 'RTDOSE',
    values: [],
    more: {
      '00280008': text(String(frames), 'IS'),
      '00280100': whole(32),
      '00280101': whole(32),
      '00280102': whole(31),
      '00280103': whole(0),
      '30040002': text('GY', 'CS'),
      '3004000e': decimals(0.001),
      '7fe00010': { vr: 'OW', value: Array.from({ length: frames * 6 }, (_, i) => [i + 1, 1]).flat() },
      ...(offsets && { '3004000c': decimals(...offsets) }),
      ...more,
    },
  });
  return readDicom(dicomFile(elements), 'dose.dcm');
}

describe('dose grids', () => {
  test('lie at offsets from their first frame, and their values are in Gy', async () => {
    const { volume, units, slices } = await decode([await dose([0, 2.5, 5])]);
    expect(units).toBe('Gy');
    expect(volume.geometry.affine).toEqual([-1.5, 0, 0, 10, 0, -2, 0, 20, 0, 0, 2.5, 30, 0, 0, 0, 1]);
    expect(slices.map(({ frame }) => frame)).toEqual([0, 1, 2]);
    // Two words of 16 bits, the lower first: 65536 + the voxel's number.
    expect(volume.data[17]).toBe(Math.fround((65536 + 18) * 0.001));
  });

  test('may give absolute offsets, and negative ones', async () => {
    const absolute = await decode([await dose([30, 32.5, 35])]);
    expect(absolute.volume).toEqual((await decode([await dose([0, 2.5, 5])])).volume);
    const down = await decode([await dose([0, -2.5, -5])]);
    expect(down.slices.map(({ frame }) => frame)).toEqual([2, 1, 0]);
    expect(down.volume.geometry.affine.slice(8, 12)).toEqual([0, 0, 2.5, 25]);
    // Feet first, prone: the normal points to the feet, and relative offsets go that way.
    const turned = await decode([await dose([0, 2.5, 5], {}, [-1, 0, 0, 0, 1, 0])]);
    expect(turned.volume.geometry.affine.slice(8, 12)).toEqual([0, 0, -2.5, 30]);
  });

  test.each([
    ['of another beginning', [7, 9.5, 12], {}, 'begin with 7'],
    ['of another number', [0, 2.5, 5], { '3004000c': decimals(0, 2.5) }, 'It has 3 frames, and 2 offsets'],
    ['missing', undefined, {}, 'It holds 3 frames, and neither functional groups nor offsets'],
    ['uneven', [0, 2.5, 6], {}, 'unevenly spaced'],
    ['without a scaling', [0, 2.5, 5], { '3004000e': undefined }, 'no Dose Grid Scaling'],
  ])('are refused when offsets are %s', async (_, offsets, more, words) => {
    expect((await failure(decode([await dose(offsets, more)]))).message).toContain(words);
  });
});
