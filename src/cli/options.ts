/** Values of command line options: from text to what they mean, or a sentence about what they should be. */
import { InvalidArgumentError } from 'commander';
import type { Crop, Preprocessing } from '../encoders/preprocessing.ts';
import type { Connectivity } from '../evaluation/components.ts';

export function wholeNumber(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^-?\d+$/.test(text.trim()) || value < least || value > most) {
      const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
      throw new InvalidArgumentError(`It must be a whole number ${range}.`);
    }
    return value;
  };
}

/** One or several numbers with commas between them. */
export function numbers(text: string): number[] {
  const values = text.split(',').map((part) => (part.trim() === '' ? Number.NaN : Number(part)));
  if (values.some((value) => !Number.isFinite(value))) {
    throw new InvalidArgumentError('It must be a number, or several with commas between them.');
  }
  return values;
}

/** One or several words with commas between them, each once; any words where no choices are given. 1..4 is 1,2,3,4. */
export function list(choices?: readonly string[]): (text: string) => string[] {
  return (text) => {
    const words = text.split(',').flatMap((word) => spread(word.trim()));
    const unknown = choices && words.find((word) => !choices.includes(word));
    if (unknown !== undefined) throw new InvalidArgumentError(`Allowed choices are ${choices!.join(', ')}.`);
    if (words.includes(''))
      throw new InvalidArgumentError('It must be a name, or several with commas between them.');
    return [...new Set(words)];
  };
}

/** Whole numbers from one to another. */
function spread(word: string): string[] {
  const [, from, to] = /^(\d{1,3})\.\.(\d{1,3})$/.exec(word)?.map(Number) ?? [];
  if (from === undefined || to < from) return [word];
  return Array.from({ length: to - from + 1 }, (_, i) => String(from + i));
}

/** Any number. */
export function finiteNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) throw new InvalidArgumentError('It must be a number.');
  return value;
}

/** Neighbours of a voxel. */
export function connectivity(text: string): Connectivity {
  const value = Number(text);
  if (value === 6 || value === 18 || value === 26) return value;
  throw new InvalidArgumentError('It must be 6 (faces), 18 (edges as well) or 26 (corners as well).');
}

/** A number above 0. */
export function positiveNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0) {
    throw new InvalidArgumentError('It must be a number above 0.');
  }
  return value;
}

/** A number from 0 to before 1. */
export function share(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !(value >= 0 && value < 1)) {
    throw new InvalidArgumentError('It must be a number from 0 to below 1.');
  }
  return value;
}

const BYTES: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** A size of memory such as 512M or 4G, in bytes. */
export function byteCount(text: string): number {
  const [, value, unit] = /^(\d+(?:\.\d+)?)([KMGT]?)B?$/i.exec(text.trim()) ?? [];
  if (value === undefined) throw new InvalidArgumentError('It must be a size such as 512M or 4G.');
  return Number(value) * BYTES[unit.toUpperCase()];
}

const SECONDS: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1 };

/** A duration such as 90s, 5m or 1h30m, in seconds. */
export function duration(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)([hms])/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text) {
    throw new InvalidArgumentError('It must be a duration such as 90s, 5m or 1h30m.');
  }
  return parts.reduce((sum, [, value, unit]) => sum + Number(value) * SECONDS[unit], 0);
}

export function outsideValue(text: string): Preprocessing['outside'] {
  if (text === 'minimum') return text;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value)) {
    throw new InvalidArgumentError('It must be a number or the word minimum.');
  }
  return value;
}

/** A channel and a value such as 1:0.2, or the word none. */
export function crop(text: string): Crop | 'none' {
  if (text === 'none') return text;
  const [, channel, above] = /^(\d{1,4}):(.+)$/.exec(text) ?? [];
  if (channel === undefined || above.trim() === '' || !Number.isFinite(Number(above))) {
    throw new InvalidArgumentError('It must be a channel and a value such as 1:0.2, or the word none.');
  }
  return { channel: Number(channel), above: Number(above) };
}
