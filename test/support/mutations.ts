/**
 * Damaged files by the thousand: seeded mutations of a good file, as transfers, disks and careless programs make them, and a
 * runner that holds a decoder to its promise, a volume of one piece or a sentence. TONNO_FUZZ says how many mutations a
 * test tries; there are few unless it does.
 *
 *     TONNO_FUZZ=10000 npx vitest run test/formats/mutated.test.ts -t NRRD
 */
import { TonnoError } from '../../src/errors.ts';
import type { Volume } from '../../src/volume/volume.ts';
import { affineDeterminant } from '../../src/volume/volume.ts';

/** Mutations that a test tries of each file. */
export const FUZZ_COUNT = Number(process.env.TONNO_FUZZ ?? 60);
/** Milliseconds in which every file has become a volume or a sentence. */
const LONGEST = 2000;
/** Most of the mutations fall within the first bytes, where the headers are. */
const HEADER = 1024;

export interface SurvivalOptions {
  readonly count?: number;
  readonly seed?: number;
  /** What becomes of the mutated bytes before they are decoded: gzip, for instance, so that damage lies inside. */
  readonly pack?: (mutated: Uint8Array) => Uint8Array;
}

export interface Survival {
  /** Mutations that were read all the same. */
  readonly volumes: number;
  /** Mutations that were refused. */
  readonly refusals: number;
  /** Milliseconds of the longest decoding. */
  readonly longest: number;
  /** Largest memory of the process so far, in bytes: telling only in a process of its own. */
  readonly peakMemory: number;
}

/**
 * Decodes `count` mutations of a file.
 * @param decode gives the volume, or undefined where there is nothing to check about what was read.
 * @throws Error that names seed and number of the mutation when it is neither read whole nor refused by a TonnoError, or
 *   took longer than 2 s.
 */
export async function survives(
  decode: (bytes: Uint8Array) => Promise<Volume | undefined>,
  bytes: Uint8Array,
  { count = FUZZ_COUNT, seed = 1, pack = (mutated) => mutated }: SurvivalOptions = {},
): Promise<Survival> {
  let volumes = 0;
  let refusals = 0;
  let longest = 0;
  for (let number = 0; number < count; number++) {
    const mutated = pack(mutate(bytes, randomNumbers(seed, number)));
    const blame = (what: string, cause?: unknown) =>
      new Error(`Mutation ${number} of seed ${seed} (${mutated.length} bytes) ${what}`, { cause });
    const began = performance.now();
    try {
      const volume = await decode(mutated);
      const fault = volume && inconsistency(volume);
      if (fault) throw blame(`became a volume that ${fault}.`);
      volumes++;
    } catch (error) {
      if (!(error instanceof TonnoError)) throw blame(`ended with ${error}.`, error);
      refusals++;
    }
    const took = performance.now() - began;
    longest = Math.max(longest, took);
    if (took > LONGEST) throw blame(`took ${Math.round(took)} ms.`);
  }
  return { volumes, refusals, longest, peakMemory: 1024 * process.resourceUsage().maxRSS };
}

/** What is wrong with a volume as the end of a sentence; undefined when nothing is. */
function inconsistency({ data, channels, shape, geometry }: Volume): string | undefined {
  const lengths = [channels, ...shape];
  if (lengths.length !== 4 || !lengths.every((length) => Number.isInteger(length) && length >= 1)) {
    return `has the shape ${lengths.join(' × ')}`;
  }
  const values = lengths.reduce((product, length) => product * length, 1);
  if (data.length !== values) return `has ${data.length} values instead of ${values}`;
  if (!data.every(Number.isFinite)) return 'has values that are not finite';
  const { affine } = geometry;
  if (affine.length !== 16 || !affine.every(Number.isFinite)) return `has the affine [${affine.join(', ')}]`;
  if (affineDeterminant(affine) === 0) return 'has a singular affine';
  return undefined;
}

/** A number from 0 to `limit` − 1. */
type Random = (limit: number) => number;

/** One to four changes of a copy. */
export function mutate(bytes: Uint8Array, random: Random): Uint8Array {
  // Slicing a Node Buffer does not copy.
  let mutated: Uint8Array = Uint8Array.from(bytes);
  for (let left = 1 + random(4); left > 0 && mutated.length > 0; left--) {
    mutated = kinds[random(kinds.length)](mutated, random);
  }
  return mutated;
}

/** Changes of an array that may be written to; the result is that array or a new one. */
const kinds: readonly ((bytes: Uint8Array, random: Random) => Uint8Array)[] = [
  flipBit,
  flipBit,
  setByte,
  truncate,
  setLength,
  setLength,
  setDigits,
  setDigits,
  removeRun,
  duplicateRun,
];

function flipBit(bytes: Uint8Array, random: Random): Uint8Array {
  bytes[place(bytes, random)] ^= 1 << random(8);
  return bytes;
}

function setByte(bytes: Uint8Array, random: Random): Uint8Array {
  bytes[place(bytes, random)] = random(256);
  return bytes;
}

function truncate(bytes: Uint8Array, random: Random): Uint8Array {
  return bytes.slice(0, place(bytes, random));
}

/** Numbers that lengths and offsets are least prepared for. */
const EXTREMES = [0, 1, 2, 0x7f, 0xff, 0x100, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, -1, -0x80000000];

/** Overwrites two, four or eight bytes, in either order, by a number or a float. */
function setLength(bytes: Uint8Array, random: Random): Uint8Array {
  const size = [2, 4, 8][random(3)];
  if (bytes.length < size) return bytes;
  const at = Math.min(place(bytes, random) & ~1, bytes.length - size);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const value = EXTREMES[random(EXTREMES.length)] + random(3) - 1;
  const little = random(2) === 0;
  if (size === 2) view.setInt16(at, value, little);
  else if (size === 8) view.setBigInt64(at, BigInt(value), little);
  else if (random(4) === 0) view.setFloat32(at, value, little);
  else view.setInt32(at, value, little);
  return bytes;
}

/** What may stand in a text where a number stood; a run of digits is cut or grows to its length. */
const NUMBERS = [
  '0',
  '-1',
  '1',
  '9',
  '99999',
  '2147483648',
  '9007199254740993',
  '1e9',
  '1e308',
  'nan',
  '0.5',
  'x',
];

/** Replaces a run of decimal digits, as headers made of text have them. */
function setDigits(bytes: Uint8Array, random: Random): Uint8Array {
  const isDigit = (byte: number) => byte >= 0x30 && byte <= 0x39;
  let start = place(bytes, random);
  while (start < bytes.length && !isDigit(bytes[start])) start++;
  let end = start;
  while (end < bytes.length && isDigit(bytes[end])) end++;
  if (start === end) return bytes;
  const text = NUMBERS[random(NUMBERS.length)];
  return replaced(
    bytes,
    start,
    end,
    Uint8Array.from(text, (letter) => letter.charCodeAt(0)),
  );
}

function removeRun(bytes: Uint8Array, random: Random): Uint8Array {
  const start = place(bytes, random);
  return replaced(bytes, start, Math.min(bytes.length, start + 1 + random(64)), new Uint8Array(0));
}

function duplicateRun(bytes: Uint8Array, random: Random): Uint8Array {
  const start = place(bytes, random);
  const run = bytes.slice(start, start + 1 + random(64));
  return replaced(bytes, start, start, run);
}

function replaced(bytes: Uint8Array, start: number, end: number, by: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length - (end - start) + by.length);
  whole.set(bytes.subarray(0, start));
  whole.set(by, start);
  whole.set(bytes.subarray(end), start + by.length);
  return whole;
}

/** An index, three of four times in the header. */
function place(bytes: Uint8Array, random: Random): number {
  return random(random(4) === 0 ? bytes.length : Math.min(bytes.length, HEADER));
}

/** The stream of random numbers of one mutation: any of them comes again without those before it. */
export function randomNumbers(seed: number, number: number): Random {
  // Marsaglia's xorshift with the shifts 13, 17, 5, begun at a state that is never 0.
  let state = (Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)) >>> 0 || 1;
  const next = () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  for (let warm = 0; warm < 8; warm++) next();
  return (limit) => Math.floor((next() / 2 ** 32) * limit);
}
