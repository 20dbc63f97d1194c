import { describe, expect, test } from 'vitest';
import { resolveClass } from '../../src/encoders/classes.ts';
import { UsageError } from '../../src/errors.ts';

const organs = { name: 'net.onnx', outputs: 4, classes: ['liver', 'kidney', 'spleen', '2'] };
const unnamed = { name: 'net.onnx', outputs: 1000, classes: [] };
const single = { name: 'net.onnx', outputs: 1, classes: [] };
const silent = { name: 'net.onnx', outputs: undefined, classes: [] };

test('a class is chosen by its name or its number, and names come first', () => {
  expect(resolveClass(organs, 'kidney')).toBe(1);
  expect(resolveClass(organs, '0')).toBe(0);
  expect(resolveClass(organs, '2')).toBe(3);
  expect(resolveClass(unnamed, '999')).toBe(999);
  expect(resolveClass(silent, '7')).toBe(7);
});

test('one output needs no choice', () => {
  expect(resolveClass(single, undefined)).toBe(0);
  expect(resolveClass({ ...silent, classes: ['lesion'] }, undefined)).toBe(0);
});

describe('choices that cannot be made', () => {
  const many = { ...organs, outputs: 12, classes: Array.from({ length: 12 }, (_, i) => `organ ${i}`) };
  test.each<[string, Parameters<typeof resolveClass>[0], string | undefined, string]>([
    [
      'none of several',
      organs,
      undefined,
      'net.onnx: This network has 4 classes, so one must be chosen. Choose one of "liver", "kidney", "spleen", "2".',
    ],
    [
      'none of several without names',
      unnamed,
      undefined,
      'has 1000 classes, so one must be chosen. Choose a number from 0 to 999.',
    ],
    ['none of very many', many, undefined, '"organ 7", … (12 in all).'],
    [
      'none of nobody knows how many',
      silent,
      undefined,
      'How many classes this network has is not written in it, so a class must be chosen. Choose it by its number',
    ],
    ['out of range', organs, '4', 'There is no class 4: this network has 4. Choose one of "liver"'],
    [
      'out of range without names',
      unnamed,
      '1000',
      'There is no class 1000: this network has 1000. Choose a number from 0 to 999.',
    ],
    [
      'negative',
      unnamed,
      '-1',
      'There is no class "-1": its classes have no names. Choose a number from 0 to 999.',
    ],
    ['a second of one', single, '1', 'There is no class 1: this network has 1. Choose 0, or nothing.'],
    ['misspelled', organs, 'Kidny', 'There is no class "Kidny". Did you mean "kidney"?'],
    ['abbreviated', organs, 'sple', 'Did you mean "spleen"?'],
    [
      'unheard of',
      organs,
      'aorta',
      'There is no class "aorta". Choose one of "liver", "kidney", "spleen", "2".',
    ],
    ['a name where there are none', unnamed, 'cat', 'There is no class "cat": its classes have no names.'],
  ])('%s', (_, encoder, choice, message) => {
    expect(() => resolveClass(encoder, choice)).toThrow(UsageError);
    expect(() => resolveClass(encoder, choice)).toThrow(message);
  });
});
