import { describe, expect, test } from 'vitest';
import { duration, list, numbers, outsideValue, wholeNumber } from '../../src/cli/options.ts';

test.each([
  ['90s', 90],
  ['5m', 300],
  ['1h30m', 5400],
  ['2h', 7200],
  ['1h2m3s', 3723],
  ['0s', 0],
  ['1.5m', 90],
  ['0.25s', 0.25],
])('%s is %d seconds', (text, seconds) => {
  expect(duration(text)).toBe(seconds);
});

test.each<[text: string, words: string[]]>([
  ['a', ['a']],
  ['a, b,a', ['a', 'b']],
  ['1..4', ['1', '2', '3', '4']],
  ['2..2,/x/y', ['2', '/x/y']],
  ['4..1', ['4..1']],
])('"%s" is the list %j', (text, words) => {
  expect(list()(text)).toEqual(words);
});

test('a list has no empty words and none that is no choice', () => {
  expect(() => list()('a,,b')).toThrow('It must be a name, or several with commas between them.');
  expect(() => list(['a', 'b'])('a,c')).toThrow('Allowed choices are a, b.');
});

test.each([
  '',
  '90',
  's',
  '-5s',
  '5 m',
  '1d',
  '5min',
  '1h30',
  'm5',
  '1.s',
  '.5s',
  '1e3s',
  ' 5s',
  '5s ',
  '5S',
])('"%s" is no duration', (text) => {
  expect(() => duration(text)).toThrow('It must be a duration such as 90s, 5m or 1h30m.');
});

describe('whole numbers', () => {
  test.each([
    ['2', 2],
    ['16', 16],
    [' 7 ', 7],
    ['007', 7],
    ['100', 100],
  ])('"%s" is %d', (text, value) => {
    expect(wholeNumber(2, 100)(text)).toBe(value);
  });

  test('may be negative where that is allowed', () => {
    expect(wholeNumber(-3, 3)('-3')).toBe(-3);
  });

  test.each([
    '',
    ' ',
    '1',
    '101',
    '-2',
    '2.5',
    '1e1',
    '0x10',
    '２',
    'ten',
    '10 slices',
    'NaN',
    'Infinity',
    '9'.repeat(400),
  ])('"%s" is none from 2 to 100', (text) => {
    expect(() => wholeNumber(2, 100)(text)).toThrow('It must be a whole number from 2 to 100.');
  });

  test('without a highest have none in the sentence', () => {
    expect(() => wholeNumber(1)('0')).toThrow('It must be a whole number of at least 1.');
    expect(() => wholeNumber(1)('99999999999999999999')).toThrow('It must be a whole number of at least 1.');
  });
});

test.each([
  ['1', [1]],
  ['104,117,123', [104, 117, 123]],
  ['-0.5, 1e-3', [-0.5, 0.001]],
])('%s is a list of numbers', (text, values) => {
  expect(numbers(text)).toEqual(values);
});

test.each([
  '',
  ',',
  '1,',
  '1,,2',
  '1;2',
  '1,x',
  'NaN',
  'Infinity',
  '1 2',
])('"%s" is no list of numbers', (text) => {
  expect(() => numbers(text)).toThrow('It must be a number, or several with commas between them.');
});

test('what lies outside is a number or the minimum', () => {
  expect(['minimum', '0', '-1000', '0.5'].map(outsideValue)).toEqual(['minimum', 0, -1000, 0.5]);
  for (const text of ['', ' ', 'maximum', 'Minimum', 'NaN', '-Infinity']) {
    expect(() => outsideValue(text)).toThrow('It must be a number or the word minimum.');
  }
});
