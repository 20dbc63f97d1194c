import { describe, expect, test } from 'vitest';
import { readDicom } from '../../../src/formats/dicom/object.ts';
import { chooseSeries, decodeSeries, groupSeries } from '../../../src/formats/dicom/series.ts';
import { dicomFile } from '../../support/dicom.ts';
import { failure } from '../build.ts';
import { decimals, items, SERIES, slice, sliceElements, stack, text, whole } from './slices.ts';

/** The volume of objects that are one series. */
async function decode(objects: Parameters<typeof groupSeries>[0], options = {}) {
  return decodeSeries(chooseSeries(groupSeries(objects).series, 'folder'), options);
}

const refusal = async (objects: Parameters<typeof groupSeries>[0], options = {}) =>
  (await failure(decode(objects, options))).message;

describe('groupSeries', () => {
  test('groups by series, in the order of their numbers', async () => {
    const other = {
      more: { '0020000e': text('1.2.2', 'UI'), '00200011': text('12', 'IS'), '0008103e': text('T2') },
    };
    const objects = [
      ...(await stack(2, (i) => ({ ...other, instance: i + 11 }))),
      ...(await stack(3, () => ({ more: { '0008103e': text('T1 axial') } }))),
    ];
    const { series, passedOver } = groupSeries(objects);
    expect(
      series.map(({ uid, number, description, modality, objects }) => [
        uid,
        number,
        description,
        modality,
        objects.length,
      ]),
    ).toEqual([
      [SERIES, 4, 'T1 axial', 'MR', 3],
      ['1.2.2', 12, 'T2', 'MR', 2],
    ]);
    expect(passedOver).toEqual([]);
    expect(groupSeries([...objects].reverse())).toEqual({ series, passedOver });
  });

  test('passes over what is no image of a volume, and says why', async () => {
    const position = [0, 0, 0];
    const without = { '7fe00010': undefined };
    const objects = [
      await slice({ position, modality: 'RTSTRUCT', more: without, name: 'contours' }),
      await slice({ position, modality: 'SEG', name: 'mask' }),
      await slice({
        position,
        more: { '00080008': text(['ORIGINAL', 'PRIMARY', 'LOCALIZER'], 'CS') },
        name: 'scout',
      }),
      await slice({ position, more: { '00280002': whole(3) }, name: 'picture' }),
      await slice({ position, name: 'a' }),
      await slice({ position, name: 'b' }),
      await slice({ position: [0, 0, 3], name: 'c' }),
    ];
    const { series, passedOver } = groupSeries(objects);
    expect(Object.fromEntries(passedOver.map(({ name, reason }) => [name, reason]))).toEqual({
      contours: 'It holds no image (RTSTRUCT).',
      mask: 'It is a segmentation, which is read as a mask and not as an image.',
      scout: 'It is a localizer, a view for planning and not a slice.',
      picture: 'It is a picture in colour.',
      b: 'It is a copy of a.',
    });
    expect(series[0].objects.map(({ name }) => name)).toEqual(['a', 'c']);
  });

  test('keeps two files of one instance whose pixels differ: their volume is refused', async () => {
    const objects = [
      await slice({ position: [0, 0, 0], name: 'a' }),
      await slice({ position: [0, 0, 0], name: 'b', values: [9, 9, 9, 9, 9, 9] }),
    ];
    expect(groupSeries(objects).series.map(({ objects }) => objects.length)).toEqual([2]);
    expect(await refusal(objects)).toContain('at the same place');
  });

  test.each([
    ['EchoNumbers', '00180086', 'IS', ['2', '1'], ['EchoNumbers 1', 'EchoNumbers 2']],
    ['DiffusionBValue', '00189087', 'FD', [1000, 50], ['DiffusionBValue 50', 'DiffusionBValue 1000']],
    [
      'TemporalPositionIdentifier',
      '00200100',
      'IS',
      ['2', '10'],
      ['TemporalPositionIdentifier 2', 'TemporalPositionIdentifier 10'],
    ],
    [
      'ConvolutionKernel',
      '00181210',
      'SH',
      ['B30', undefined],
      ['ConvolutionKernel none', 'ConvolutionKernel B30'],
    ],
  ])('tells volumes of one place apart by %s', async (_, tag, vr, values, words) => {
    const volume = (value: string | number | undefined, first: number) =>
      stack(3, (i) => ({
        instance: first + 2 * i,
        more: value === undefined ? {} : { [tag]: { vr, value } },
      }));
    const objects = [...(await volume(values[0], 1)), ...(await volume(values[1], 2))];
    const { series } = groupSeries(objects);
    expect(series.map(({ uid }) => uid)).toEqual([`${SERIES}#1`, `${SERIES}#2`]);
    expect(series.map(({ description }) => description)).toEqual(words.map((text) => `(${text})`));
    const second = await decodeSeries(series[1]);
    expect(second.volume.shape).toEqual([3, 2, 3]);
    const last =
      values.indexOf(words[1].split(' ')[1] as never) === 0 || String(values[0]) === words[1].split(' ')[1];
    expect(second.slices.map(({ object }) => object.dataset.number('00200013'))).toEqual(
      last ? [1, 3, 5] : [2, 4, 6],
    );
  });

  test('tells them apart by two attributes together, or by runs of instance numbers', async () => {
    const four = await Promise.all(
      [
        ['1', 'M'],
        ['1', 'P'],
        ['2', 'M'],
        ['2', 'P'],
      ].map(([echo, component], k) =>
        stack(2, (i) => ({
          instance: 2 * k + i + 1,
          more: { '00180086': text(echo, 'IS'), '00080008': text(['ORIGINAL', 'PRIMARY', component], 'CS') },
        })),
      ),
    );
    expect(groupSeries(four.flat()).series.map(({ description }) => description)).toEqual([
      '(EchoNumbers 1, ImageType ORIGINAL\\PRIMARY\\M)',
      '(EchoNumbers 1, ImageType ORIGINAL\\PRIMARY\\P)',
      '(EchoNumbers 2, ImageType ORIGINAL\\PRIMARY\\M)',
      '(EchoNumbers 2, ImageType ORIGINAL\\PRIMARY\\P)',
    ]);
    const runs = [...(await stack(3)), ...(await stack(3, (i) => ({ instance: i + 4 })))];
    expect(groupSeries(runs).series.map(({ description }) => description)).toEqual([
      '(InstanceNumber 1 to InstanceNumber 3)',
      '(InstanceNumber 4 to InstanceNumber 6)',
    ]);
  });

  test('leaves together what nothing tells apart, and the refusal says what differs', async () => {
    const more = (i: number) => ({ '00180081': text(String(2 + i), 'DS') });
    const objects = [
      await slice({ position: [0, 0, 0], instance: 1, more: more(0) }),
      await slice({ position: [0, 0, 0], instance: 2, more: more(1) }),
      await slice({ position: [0, 0, 3], instance: 3, more: more(2) }),
    ];
    expect(groupSeries(objects).series).toHaveLength(1);
    expect(await refusal(objects)).toContain('They differ in EchoTime (2, 3).');
  });

  test('does not mind slices that were each taken at a time of their own', async () => {
    const objects = await stack(4, (i) => ({ more: { '00080032': text(`10170${i}`, 'TM') } }));
    expect(groupSeries(objects).series.map(({ uid }) => uid)).toEqual([SERIES]);
  });

  test('takes objects without a series as one', async () => {
    const objects = await stack(2, () => ({ more: { '0020000e': undefined, '00200011': undefined } }));
    expect(groupSeries(objects).series).toMatchObject([{ uid: 'none', description: '' }]);
  });
});

describe('chooseSeries', () => {
  const many = async () => {
    const named = (uid: string, number: string, description: string) =>
      stack(2, () => ({
        more: { '0020000e': text(uid, 'UI'), '00200011': text(number, 'IS'), '0008103e': text(description) },
      }));
    return groupSeries([
      ...(await named('1.5', '2', 'T1 ax 4 mm')),
      ...(await named('1.6', '4', 'T2 ax')),
      ...(await named('1.7', '5', 'T2 ax fat')),
    ]).series;
  };

  test('takes the only one, or the one that is named', async () => {
    const series = await many();
    expect(chooseSeries(series.slice(0, 1), 'folder').uid).toBe('1.5');
    const chosen = (choice: string) => chooseSeries(series, 'folder', choice).uid;
    expect(chosen('1.7')).toBe('1.7');
    // The number goes before a "4" in a description, the whole description before a part of one.
    expect(chosen('4')).toBe('1.6');
    expect(chosen('t2 AX')).toBe('1.6');
    expect(chosen('fat')).toBe('1.7');
  });

  test('lists them when several are meant, or none', async () => {
    const series = await many();
    const message = (choice?: string, from = series) => {
      try {
        chooseSeries(from, 'folder', choice);
      } catch (error) {
        return (error as Error).message;
      }
      throw new Error('It chose.');
    };
    expect(message()).toBe(
      'folder: It holds 3 series:\n  1.5, number 2, MR, "T1 ax 4 mm", 2 files\n  1.6, number 4, MR, "T2 ax", 2 files\n' +
        '  1.7, number 5, MR, "T2 ax fat", 2 files\n Choose one by its UID, its number or a text in its description (--series).',
    );
    expect(message('ax')).toContain('"ax" means 3 series');
    expect(message('FLAIR')).toContain('None of its 3 series has "FLAIR"');
    expect(message('FLAIR', series.slice(0, 1))).toContain('None of its 1 series');
    expect(message('', series)).toContain('None of');
  });

  test('lists the parts of a series that is named whole', async () => {
    const runs = [...(await stack(2)), ...(await stack(2, (i) => ({ instance: i + 3 })))];
    const { series } = groupSeries(runs);
    expect(() => chooseSeries(series, 'folder', SERIES)).toThrow(`"${SERIES}" means 2 series`);
    expect(chooseSeries(series, 'folder', `${SERIES}#2`).objects[0].name).toBe('slice-3.dcm');
  });

  test('says what is there when there is no series', () => {
    const passedOver = [{ name: 'plan.dcm', reason: 'It holds no image (RTPLAN).' }];
    expect(() => chooseSeries([], 'folder')).toThrow('There is no DICOM series in it.');
    expect(() => chooseSeries([], 'folder', undefined, passedOver)).toThrow(
      'plan.dcm: It holds no image (RTPLAN).',
    );
    expect(() => chooseSeries([], 'plan.dcm', undefined, passedOver)).toThrow(
      'plan.dcm: It holds no image (RTPLAN). Give',
    );
  });
});

describe('decodeSeries', () => {
  test('gives values, slices and the place of axial planes', async () => {
    const { volume, slices, notes, units } = await decode((await stack(3)).reverse());
    expect(volume).toMatchObject({ channels: 1, shape: [3, 2, 3], name: `series ${SERIES}` });
    expect([...volume.data]).toEqual([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25]);
    expect(volume.geometry).toEqual({ affine: [-1.5, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1] });
    expect(slices.map(({ object, frame, sopInstance }) => [object.name, frame, sopInstance])).toEqual([
      ['slice-1.dcm', 0, '1.2.3.1'],
      ['slice-2.dcm', 0, '1.2.3.2'],
      ['slice-3.dcm', 0, '1.2.3.3'],
    ]);
    expect([notes, units]).toEqual([[], undefined]);
  });

  test('a series that was taken from head to feet lies as one from feet to head', async () => {
    const up = await decode(await stack(3));
    const down = await decode(await stack(3, (i) => ({ instance: 3 - i })));
    expect(down.volume).toEqual(up.volume);
  });

  test('rescales each plane by its own slope and intercept', async () => {
    const objects = await stack(3, (i) => ({
      more: { '00281053': decimals(0.1 * (i + 1)), '00281052': decimals(-7) },
    }));
    const { volume, notes } = await decode(objects);
    const stored = [0, 1, 2].flatMap((i) =>
      [0, 1, 2, 3, 4, 5].map((value) => [10 * i + value, 0.1 * (i + 1)]),
    );
    expect([...volume.data]).toEqual(stored.map(([value, slope]) => Math.fround(value * slope - 7)));
    expect(notes).toEqual([
      'Stored values are multiplied by the slope (0.1 to 0.3, one a plane), and the intercept (-7) is added.',
    ]);
  });

  test('CT is in HU, keeps its padding, and says so', async () => {
    const more = {
      '00281052': decimals(-1024),
      '00281053': decimals(1),
      '00280120': { vr: 'SS', value: -2000 },
    };
    const objects = await stack(2, () => ({ modality: 'CT', more, values: [-2000, 1, 2, 3, 4, 5] }));
    const { volume, notes, units } = await decode(objects);
    expect(units).toBe('HU');
    expect(volume.data[0]).toBe(-3024);
    expect(notes).toEqual([
      'Stored values are multiplied by the slope (1), and the intercept (-1024) is added.',
      'Padding, stored as -2000 (Pixel Padding Value), is kept as values.',
    ]);
    const typed = await decode(await stack(2, () => ({ modality: 'CT', more: { '00281054': text('OD') } })));
    expect(typed.units).toBe('OD');
    expect((await decode(await stack(2, () => ({ modality: 'CT' })))).units).toBeUndefined();
  });

  test('says what it leaves: real-world values, inverted display', async () => {
    const more = {
      '00409096': items({ '00409225': { vr: 'FD', value: 2 } }),
      '00280004': text('MONOCHROME1', 'CS'),
    };
    const { volume, notes } = await decode(await stack(2, () => ({ more })));
    expect(volume.data[1]).toBe(1);
    expect(notes).toEqual([
      'The Real World Value Mapping of the files is not applied.',
      'The files are shown with high values dark (MONOCHROME1); the values are as stored.',
    ]);
  });

  test('a single plane takes Spacing Between Slices before Slice Thickness', async () => {
    const single = async (more: object) =>
      decode([await slice({ position: [1, 2, 3], more: more as never })]);
    const both = await single({ '00180050': decimals(2.5), '00180088': decimals(-4) });
    expect(both.volume.geometry.affine.slice(8, 12)).toEqual([0, 0, 4, 3]);
    expect(both.notes).toEqual(['It is a single plane, 4 mm thick by its Spacing Between Slices.']);
    expect(both.volume.name).toBe('slice-1.dcm');
    expect((await single({ '00180050': decimals(2.5) })).volume.geometry.affine[10]).toBe(2.5);
    await expect(single({ '00180050': text('', 'DS') })).rejects.toThrow(
      'single plane, and nothing says how thick',
    );
  });

  test.each([
    [
      'a missing slice',
      (i: number) => ({ position: [0, 0, i < 2 ? 3 * i : 3 * i + 3] }),
      'A plane is missing: from 3 mm (slice-2.dcm) to 9 mm',
    ],
    ['uneven spacing', (i: number) => ({ position: [0, 0, 3 * i + (i === 1 ? 0.1 : 0)] }), 'unevenly spaced'],
    [
      'a tilted gantry',
      (i: number) => ({ position: [0, i, 3 * i], more: { '00181120': decimals(18.4) } }),
      'Gantry/Detector Tilt of 18.4°',
    ],
    [
      'mixed orientations',
      (i: number) => ({ directions: i === 2 ? [0, 1, 0, 0, 0, 1] : [1, 0, 0, 0, 1, 0] }),
      'not of one orientation',
    ],
    ['mixed sizes', (i: number) => (i === 2 ? { rows: 3, values: Array(9).fill(0) } : {}), 'not of one size'],
    [
      'mixed pixel spacings',
      (i: number) => ({ pixelSpacing: [2, i === 2 ? 1.6 : 1.5] }),
      'not of one pixel spacing',
    ],
    [
      'mixed frames of reference',
      (i: number) => ({ more: { '00200052': text(`1.2.${i}`, 'UI') } }),
      'not of one frame of reference',
    ],
    [
      'no position',
      () => ({ more: { '00200032': undefined } }),
      'slice-1.dcm: It has no Image Position (Patient) (0020,0032)',
    ],
    [
      'no orientation',
      () => ({ more: { '00200037': undefined } }),
      'no Image Orientation (Patient) (0020,0037)',
    ],
    ['no pixel spacing', () => ({ more: { '00280030': undefined } }), 'no Pixel Spacing (0028,0030), so'],
    [
      'the detector’s spacing alone',
      () => ({ more: { '00280030': undefined, '00181164': decimals(1, 1) } }),
      'only that on the detector',
    ],
    [
      'a position that is no number',
      () => ({ more: { '00200032': text(['0', 'x', '0'], 'DS') } }),
      'is "0\\x\\0", not 3 numbers',
    ],
    [
      'a position of two numbers',
      () => ({ more: { '00200032': decimals(0, 0) } }),
      'is "0\\0", not 3 numbers',
    ],
    ['a skewed orientation', () => ({ directions: [1, 0, 0, 0.1, 1, 0] }), 'right angle'],
    [
      'a mosaic',
      () => ({ more: { '00080008': text(['ORIGINAL', 'PRIMARY', 'MOSAIC'], 'CS') } }),
      'It is a mosaic',
    ],
    [
      'a table of values',
      () => ({ more: { '00283000': items({ '00283002': { vr: 'US', value: [1, 0, 16] } }) } }),
      'Modality LUT Sequence',
    ],
    ['a slope of 0', () => ({ more: { '00281053': decimals(0) } }), 'Rescale Slope is 0'],
    [
      'a slope that is no number',
      () => ({ more: { '00281053': text('one', 'DS') } }),
      'Rescale Slope is "one"',
    ],
    [
      'an endless intercept',
      () => ({ more: { '00281052': text('1e999', 'DS') } }),
      'Rescale Intercept is "1e999"',
    ],
  ])('refuses %s', async (_, change, words) => {
    expect(await refusal(await stack(3, change as never))).toContain(words);
  });

  test('values that are not finite are refused, or 0 on request', async () => {
    const floats = (values: number[]) => ({
      '7fe00010': undefined,
      '7fe00008': { vr: 'OF', value: values },
      '00280100': whole(32),
      '00280101': whole(32),
      '00280102': whole(31),
    });
    const objects = await stack(2, (i) => ({
      more: floats(i === 0 ? [0, 1, 2, 3, 4, 5] : [0, Number.NaN, 2, Number.POSITIVE_INFINITY, 4, 5]),
    }));
    expect(await refusal(objects)).toContain('2 of its 12 voxels are NaN or infinite');
    const { volume, notFinite, notes } = await decode(objects, { nan: 'zero' });
    expect([...volume.data]).toEqual([0, 1, 2, 3, 4, 5, 0, 0, 2, 0, 4, 5]);
    expect(notFinite).toBe(2);
    expect(notes).toEqual([]);
  });

  test('a limit of memory is kept', async () => {
    const objects = await stack(3);
    expect(await refusal(objects, { maxBytes: 71 })).toContain(
      '(3×2×3) would take 0.0 MB, more than the limit',
    );
    expect((await decode(objects, { maxBytes: 72 })).volume.shape).toEqual([3, 2, 3]);
  });

  test('stops between planes when it is told to', async () => {
    const objects = await stack(3);
    const { series } = groupSeries(objects);
    await expect(decodeSeries(series[0], { signal: AbortSignal.abort() })).rejects.toThrow('abort');
    const controller = new AbortController();
    const running = decodeSeries(series[0], { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(running).rejects.toThrow('enough');
  });

  test('big-endian and implicit files are read alike', async () => {
    const volumes = await Promise.all(
      ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2'].map(async (transferSyntax) => {
        const objects = await Promise.all(
          [0, 1].map((i) =>
            readDicom(
              dicomFile(
                sliceElements({ position: [0, 0, i], instance: i, values: [-300, 1, 2, 3, 4, 500] }),
                { transferSyntax },
              ),
              `${i}`,
            ),
          ),
        );
        return (await decode(objects)).volume;
      }),
    );
    expect(volumes[0].data[0]).toBe(-300);
    expect(volumes[1]).toEqual(volumes[0]);
    expect(volumes[2]).toEqual(volumes[0]);
  });
});
