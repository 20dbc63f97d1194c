/** Values of command line options: from text to what they mean, or a sentence about what they should be. */
import { InvalidArgumentError } from 'commander';
import type { Preprocessing } from '../encoders/preprocessing.ts';

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
