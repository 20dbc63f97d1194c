import { describe, expect, test } from 'vitest';
import {
  dateSeconds,
  dateTimeSeconds,
  sayTime,
  timeSeconds,
  zoneSeconds,
} from '../../../src/formats/dicom/times.ts';

// `date -u -d '2004-05-19 08:50:00' +%s`
const INJECTION = 1084956600;

describe('dates and times', () => {
  test('are seconds', () => {
    expect(dateSeconds('20040519')! + timeSeconds('085000')!).toBe(INJECTION);
    expect(dateTimeSeconds('20040519085000.00')).toBe(INJECTION);
    expect(dateTimeSeconds('200405190850')).toBe(INJECTION);
    expect(timeSeconds('101757.250000')).toBe(37077.25);
    expect(timeSeconds('10')).toBe(36000);
    expect(timeSeconds('10:17:57')).toBe(37077);
    expect(dateSeconds('2004.05.19')).toBe(dateSeconds('20040519'));
    expect(dateSeconds('19000101')).toBe(-2208988800);
    expect(sayTime(INJECTION)).toBe('2004-05-19 08:50:00');
  });

  test('that do not exist are none', () => {
    const dates = ['', '20040532', '20041301', '20030229', '2004', 'yesterday'];
    expect(dates.map((date) => dateSeconds(date))).toEqual(dates.map(() => undefined));
    const times = ['', '2400', '1060', '9', '10:17:57 PM', 'noon'];
    expect(times.map((time) => timeSeconds(time))).toEqual(times.map(() => undefined));
    const both = ['', '20040519', '20040519086000', '20040532085000'];
    expect(both.map((time) => dateTimeSeconds(time))).toEqual(both.map(() => undefined));
    expect(dateTimeSeconds(undefined)).toBeUndefined();
  });

  test('with an offset are moved to the clock of the others, where that is known', () => {
    expect(zoneSeconds('+0130')).toBe(5400);
    expect(zoneSeconds('-0500')).toBe(-18000);
    // 08:50 in Greenwich is 10:50 on a clock two hours ahead.
    expect(dateTimeSeconds('20040519085000+0000', 7200)).toBe(INJECTION + 7200);
    expect(dateTimeSeconds('20040519085000-0500', -18000)).toBe(INJECTION);
    expect(dateTimeSeconds('20040519085000+0000')).toBe(INJECTION);
    expect(dateTimeSeconds('20040519085000', 7200)).toBe(INJECTION);
  });
});
