/**
 * SUV by body weight. The numbers are worked out by hand: 70 kg and 370 MBq of fluorine-18 (half-life 6588 s), an hour
 * before the scan, make 70 000 / (370·10⁶ · 2^(−3600/6588)) = 2.7630807763515374·10⁻⁴ g/Bq.
 */
import { describe, expect, test } from 'vitest';
import {
  chooseSeries,
  type DicomDecodeOptions,
  decodeSeries,
  groupSeries,
} from '../../../src/formats/dicom/series.ts';
import type { DicomElements } from '../../support/dicom.ts';
import { failure } from '../build.ts';
import { decimals, type Elements, items, stack, text } from './slices.ts';

const HOUR_FACTOR = 0.00027630807763515374;

interface Pet {
  readonly units?: string;
  readonly injection?: Elements;
  readonly more?: (i: number) => Elements;
}

/** Two planes of 1000 … 11 000 Bq/ml: a slope of 1000. */
async function pet(
  { units = 'BQML', injection = {}, more = () => ({}) }: Pet,
  options: DicomDecodeOptions = {},
) {
  const dose = Object.fromEntries(
    Object.entries({
      '00181072': text('085000', 'TM'),
      '00181074': decimals(370e6),
      '00181075': decimals(6588),
      '00181078': text('20040519085000.00', 'DT'),
      ...injection,
    }).filter(([, element]) => element),
  ) as DicomElements;
  const objects = await stack(2, (i) => ({
    modality: 'PT',
    values: [1, 2, 3, 4, 5, 6].map((value) => value + 5 * i),
    more: {
      '00080020': text('20040519', 'DA'),
      '00080021': text('20040519', 'DA'),
      '00080022': text('20040519', 'DA'),
      '00080031': text('095000', 'TM'),
      '00080032': text('095000', 'TM'),
      '00101030': decimals(70),
      '00280051': text(['DECY', 'ATTN', 'SCAT'], 'CS'),
      '00281053': decimals(1000),
      '00281052': decimals(0),
      '00540016': items(dose),
      '00541001': text(units, 'CS'),
      '00541102': text('START', 'CS'),
      ...more(i),
    },
  }));
  const { series } = groupSeries(objects);
  return decodeSeries(chooseSeries(series, 'pet'), options);
}

/** What 1000 Bq/ml become. */
const unit = async (parameters: Pet) => (await pet(parameters)).volume.data[0];
const refusal = async (parameters: Pet) => (await failure(pet(parameters))).message;
const shared = (elements: Elements) => () => elements;

describe('SUV from Bq/ml', () => {
  test('is activity by what is left of the dose, by weight', async () => {
    const { volume, units, notes } = await pet({});
    expect(units).toBe('SUVbw');
    [...volume.data].forEach((value, i) => {
      const becquerel = 1000 * (i < 6 ? i + 1 : i);
      expect(value).toBeCloseTo(becquerel * HOUR_FACTOR, 6);
    });
    expect(notes[1]).toBe(
      'Bq/ml are turned into SUV by body weight: 70 kg, 370 MBq, decayed over 3600 s (half-life 6588 s) to the start of the scan (Series Date and Time).',
    );
  });

  test('is 1 where the tracer is spread evenly', async () => {
    // One half-life after 140 MBq, 70 MBq are left in 70 kg: 1000 Bq/g.
    const injection = { '00181074': decimals(140e6), '00181078': text('20040519080012', 'DT') };
    expect(await unit({ injection })).toBe(1);
  });

  test('can be left out', async () => {
    const { volume, units, notes } = await pet({}, { suv: false });
    expect([volume.data[0], units, notes.length]).toEqual([1000, 'Bq/ml', 1]);
    // What SUV needs is not asked for then.
    expect((await pet({ more: shared({ '00101030': undefined }) }, { suv: false })).volume.data[0]).toBe(
      1000,
    );
  });

  test('of values corrected to the injection does not decay the dose', async () => {
    const more = shared({ '00541102': text('ADMIN', 'CS'), '00080031': undefined, '00080032': undefined });
    expect(await unit({ more })).toBeCloseTo((1000 * 70000) / 370e6, 6);
  });

  describe('counts from the injection', () => {
    const onlyTime = (time: string) => ({ '00181078': undefined, '00181072': text(time, 'TM') });

    test('at a date and time, or at a time of the same day', async () => {
      expect(await unit({ injection: onlyTime('085000') })).toBe(Math.fround(1000 * HOUR_FACTOR));
      // The date and time go before a time of day that says something else.
      expect(await unit({ injection: { '00181072': text('060000', 'TM') } })).toBe(
        Math.fround(1000 * HOUR_FACTOR),
      );
    });

    test('over midnight', async () => {
      const at = (time: string) => shared({ '00080031': text(time, 'TM'), '00080032': text(time, 'TM') });
      expect(await unit({ injection: onlyTime('233000'), more: at('003000') })).toBe(
        Math.fround(1000 * HOUR_FACTOR),
      );
      const dated = { '00181078': text('20040518233000', 'DT') };
      expect(await unit({ injection: dated, more: at('003000') })).toBe(Math.fround(1000 * HOUR_FACTOR));
    });

    test('that comes just after the start of a dynamic scan', async () => {
      // A minute: 370 MBq at the injection are a little more at the start of the scan.
      const expected = (1000 * 70000) / (370e6 * 2 ** (60 / 6588));
      expect(await unit({ injection: onlyTime('095100') })).toBeCloseTo(expected, 6);
    });

    test('by clocks of two time zones', async () => {
      const more = shared({ '00080201': text('+0200', 'SH') });
      const injection = { '00181078': text('20040519065000.00+0000', 'DT') };
      expect(await unit({ injection, more })).toBe(Math.fround(1000 * HOUR_FACTOR));
    });
  });

  describe('of a series later than its acquisition goes by', () => {
    const later = { '00080031': text('180000', 'TM') };

    test('the scan’s time that GE keeps', async () => {
      const ge = {
        '00090011': text('GEMS_PETD_01'),
        '0009110d': text('20040519095000.00', 'DT'),
        '00080032': text('101500', 'TM'),
        '00541300': decimals(732000),
        '00181242': text('180000', 'IS'),
      };
      expect(await unit({ more: shared({ ...later, ...ge }) })).toBe(Math.fround(1000 * HOUR_FACTOR));
      // The same element of another vendor is nothing.
      const stranger = {
        ...ge,
        '00090011': text('SOMEBODY'),
        '00541300': undefined,
        '00080032': text('095000', 'TM'),
      };
      expect(await unit({ more: shared({ ...later, ...stranger }) })).toBe(Math.fround(1000 * HOUR_FACTOR));
    });

    test('the time of reference of its frames', async () => {
      // Of 180 s, the activity is average 89.857962 s after their start; that moment is 732 s after the start of the scan.
      const more = (i: number) => ({
        ...later,
        '00080032': text(i === 0 ? '100042.142038' : '100342.142038', 'TM'),
        '00541300': decimals(i === 0 ? 732000 : 912000),
        '00181242': text('180000', 'IS'),
      });
      expect(await unit({ more })).toBeCloseTo(1000 * HOUR_FACTOR, 6);
      const torn = (i: number) => ({ ...more(i), '00541300': decimals(732000) });
      expect(await refusal({ more: torn })).toContain('contradict each other about the start of the scan');
    });

    test('the earliest of its acquisitions', async () => {
      const more = (i: number) => ({ ...later, '00080032': text(i === 0 ? '095300' : '095000', 'TM') });
      const { volume, notes } = await pet({ more });
      expect(volume.data[0]).toBe(Math.fround(1000 * HOUR_FACTOR));
      expect(notes[1]).toContain('(the earliest Acquisition Date and Time)');
    });

    test('nothing when the series began with or before it', async () => {
      const more = (i: number) => ({ '00080032': text(i === 0 ? '095959' : '095000', 'TM') });
      expect(await unit({ more })).toBe(Math.fround(1000 * HOUR_FACTOR));
      const fractions = shared({ '00080031': text('095000.500', 'TM') });
      expect(await unit({ more: fractions })).toBeCloseTo(1000 * HOUR_FACTOR, 4);
      expect((await pet({ more: shared({ '00080032': undefined }) })).volume.data[0]).toBe(
        Math.fround(1000 * HOUR_FACTOR),
      );
    });
  });

  test.each<[string, Pet, string]>([
    [
      'without a weight',
      { more: shared({ '00101030': undefined }) },
      "Patient's Weight (0010,1030), which is missing",
    ],
    ['of a weight of 0', { more: shared({ '00101030': decimals(0) }) }, 'which is "0"'],
    ['of a weight in grams', { more: shared({ '00101030': decimals(70000) }) }, 'are no kilograms'],
    [
      'without a dose',
      { injection: { '00181074': undefined } },
      'Radionuclide Total Dose (0018,1074), which is missing',
    ],
    ['of a dose in MBq', { injection: { '00181074': decimals(370) } }, 'seems to be in MBq'],
    [
      'without an injection',
      { more: shared({ '00540016': undefined }) },
      'no Radiopharmaceutical Information Sequence',
    ],
    ['of two injections', { more: shared({ '00540016': items({}, {}) }) }, '2 injections'],
    [
      'without a half-life',
      { injection: { '00181075': undefined } },
      'Radionuclide Half Life (0018,1075), which is missing',
    ],
    [
      'without a time of injection',
      { injection: { '00181072': undefined, '00181078': undefined } },
      'Start Time (0018,1072) are missing',
    ],
    ['of a time that is none', { injection: { '00181078': text('before noon', 'DT') } }, 'is "before noon"'],
    [
      'of a time of day that is none',
      { injection: { '00181078': undefined, '00181072': text('noon', 'TM') } },
      'is "noon"',
    ],
    [
      'injected after the scan',
      { injection: { '00181078': text('20040519110000', 'DT') } },
      'and the scan begun on 2004-05-19 09:50:00, before that',
    ],
    [
      'injected on another date',
      { injection: { '00181078': text('20040501085000', 'DT') } },
      'half-lives: a date is wrong',
    ],
    [
      'injected later that day',
      { injection: { '00181078': undefined, '00181072': text('110000', 'TM') } },
      'before, or 22.8333 hours after it',
    ],
    [
      'of a long half-life and no date',
      { injection: { '00181078': undefined, '00181075': decimals(282240) } },
      'half-life of 78.4 hours',
    ],
    [
      'without a time of scan',
      { more: shared({ '00080031': undefined, '00080032': undefined }) },
      'SUV needs the time of the scan',
    ],
    [
      'not corrected for decay',
      { more: shared({ '00541102': text('NONE', 'CS') }) },
      'Decay Correction, 0054,1102, is NONE',
    ],
    [
      'silent about decay',
      { more: shared({ '00541102': undefined }) },
      'does not say to which time it is corrected',
    ],
    [
      'not corrected for attenuation',
      { more: shared({ '00280051': text(['DECY'], 'CS') }) },
      'not corrected for attenuation',
    ],
    [
      'contradictory about decay',
      { more: shared({ '00280051': text(['ATTN'], 'CS') }) },
      'not corrected for decay',
    ],
    [
      'of two weights',
      { more: (i) => ({ '00101030': decimals(70 + i) }) },
      'differ in weight, dose or times',
    ],
    [
      'of two units',
      { more: (i) => (i === 0 ? {} : { '00541001': text('GML', 'CS') }) },
      'differ in Units (0054,1001): BQML, GML',
    ],
  ])('is refused %s', async (_, parameters, words) => {
    const message = await refusal(parameters);
    expect(message).toContain(words);
    if (!words.startsWith('differ')) expect(message).toContain('suv: false');
  });
});

describe('SUV from counts', () => {
  const philips = (elements: Elements) =>
    shared({ '00281053': decimals(2), '70530010': text('Philips PET Private Group'), ...elements });

  test('is by the factor of Philips', async () => {
    const { volume, units, notes } = await pet({
      units: 'CNTS',
      more: philips({ '70531000': decimals(0.0005) }),
    });
    expect([...volume.data.subarray(0, 3)]).toEqual([0.001, 0.002, 0.003].map(Math.fround));
    expect(units).toBe('SUVbw');
    expect(notes[1]).toContain('factor of Philips (7053,1000)');
  });

  test('is by that to Bq/ml where the other is missing or 0', async () => {
    const expected = Math.fround(2 * 500 * HOUR_FACTOR);
    const { volume, notes } = await pet({ units: 'CNTS', more: philips({ '70531009': decimals(500) }) });
    expect(volume.data[0]).toBe(expected);
    expect(notes[1]).toContain('(7053,1009)');
    expect(notes[2]).toContain('70 kg, 370 MBq');
    const zero = philips({ '70531000': decimals(0), '70531009': decimals(500) });
    expect(await unit({ units: 'CNTS', more: zero })).toBe(expected);
  });

  test('finds the factor wherever the block of Philips lies', async () => {
    const moved = philips({
      '70530010': text('Somebody'),
      '70531000': decimals(77),
      '70530021': text('Philips PET Private Group'),
      '70532100': decimals(0.0005),
    });
    expect(await unit({ units: 'CNTS', more: moved })).toBe(Math.fround(0.001));
  });

  test('is refused without the factors, or with those of somebody else', async () => {
    expect(await refusal({ units: 'CNTS' })).toContain('Its values are counts (Units CNTS)');
    const stranger = philips({ '70530010': text('Somebody'), '70531000': decimals(0.0005) });
    expect(await refusal({ units: 'CNTS', more: stranger })).toContain('Its values are counts');
    const once = (i: number) => philips(i === 0 ? { '70531000': decimals(0.0005) } : {})();
    expect(await refusal({ units: 'CNTS', more: once })).toContain('are not in all of its files');
    const { volume, units } = await pet({ units: 'CNTS' }, { suv: false });
    expect([volume.data[0], units]).toEqual([1000, 'counts']);
  });
});

describe('SUV that is there already', () => {
  test('stays what it is', async () => {
    const bw = shared({ '00541006': text('BW', 'CS'), '00101030': undefined });
    const { volume, units, notes } = await pet({ units: 'GML', more: bw });
    expect([volume.data[0], units]).toEqual([1000, 'SUVbw']);
    expect(notes[1]).toBe('The values are SUV by body weight already (Units GML, SUV Type BW).');
    expect((await pet({ units: 'GML' })).units).toBe('SUVbw');
  });

  test.each(['LBM', 'BSA', 'IBW'])('is refused by %s', async (type) => {
    const more = shared({ '00541006': text(type, 'CS') });
    expect(await refusal({ units: 'GML', more })).toContain(`SUV of type ${type}`);
    expect((await pet({ units: 'GML', more }, { suv: false })).units).toBe('g/ml');
  });

  test.each(['PROPCPS', 'MLMINML', 'CM2ML'])('other units are refused: %s', async (units) => {
    expect(await refusal({ units })).toContain(`Its values are in ${units}`);
    expect((await pet({ units }, { suv: false })).units).toBe(units);
  });

  test('units that are not said are refused', async () => {
    expect(await refusal({ more: shared({ '00541001': undefined }) })).toContain(
      'does not say in which unit',
    );
  });
});
