/**
 * Damaged DICOM files by the thousand, seeded: bits turned over, lengths changed, pieces lost, doubled or overwritten, ends
 * cut off. What reads them must give frames of the size that the data set says, or a VolumeError, in time. TONNO_FUZZ says
 * how many mutations of each file a test tries; there are few unless it does.
 *
 *     TONNO_FUZZ=10000 npx vitest run test/formats/dicom/mutations.test.ts -t jpeg-2000
 */
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { VolumeError } from '../../src/errors.ts';
import { decodeFrame, frameCount } from '../../src/formats/dicom/frames.ts';
import { readDicom } from '../../src/formats/dicom/object.ts';

export const MUTATIONS = Number(process.env.TONNO_FUZZ ?? 25);
/** Milliseconds in which every file has become frames or a sentence. */
const LONGEST = 2000;
/** Frames of a mutation that are decoded. */
const MOST_FRAMES = 3;

export interface Outcome {
  read: number;
  refused: number;
  longest: number;
}

type Draw = (below: number) => number;

/** Reads mutations 0 … count − 1 of a file and checks each; throws an Error that names the mutation. */
export async function surviveMutations(
  bytes: Uint8Array,
  { seed = 1, count = MUTATIONS, pack = (mutated: Uint8Array) => mutated } = {},
): Promise<Outcome> {
  const outcome: Outcome = { read: 0, refused: 0, longest: 0 };
  for (let number = 0; number < count; number++) {
    const mutated = pack(mutate(bytes, drawsOf(seed, number)));
    const began = performance.now();
    const where = `mutation ${number} of seed ${seed}`;
    try {
      await readFrames(mutated, where);
      outcome.read++;
    } catch (error) {
      if (!(error instanceof VolumeError)) throw new Error(`${where}: ${String(error)}`, { cause: error });
      if (!/^[A-Z].*\.$/s.test(error.problem)) throw new Error(`${where}: no sentence: ${error.problem}`);
      outcome.refused++;
    }
    const took = performance.now() - began;
    outcome.longest = Math.max(outcome.longest, took);
    if (took > LONGEST) throw new Error(`${where} took ${took} ms`);
  }
  // What went before has spoilt nothing.
  await readFrames(pack(bytes), 'the whole file');
  return outcome;
}

async function readFrames(mutated: Uint8Array, where: string): Promise<void> {
  const object = await readDicom(mutated, 'mutated.dcm');
  const [rows, columns] = ['00280010', '00280011'].map((tag) => object.dataset.number(tag));
  const count = frameCount(object);
  if (count === 0) return;
  for (let index = 0; index < Math.min(count, MOST_FRAMES); index++) {
    const frame = await decodeFrame(object, index);
    if (frame.rows !== rows || frame.columns !== columns || frame.values.length !== rows * columns) {
      throw new Error(`${where}: a frame of the wrong size`);
    }
  }
}

function drawsOf(seed: number, number: number): Draw {
  const generator = xoroshiro128plus((seed * 0x9e3779b1 + number * 0x85ebca6b) | 0);
  for (let i = 0; i < 4; i++) generator.next();
  return (below) => (generator.next() >>> 0) % below;
}

/** What happens to a copy of the bytes; returns it, maybe of another length. */
const KINDS: readonly ((bytes: Uint8Array, draw: Draw) => Uint8Array)[] = [
  // Bits, anywhere.
  (bytes, draw) => {
    for (let i = draw(4); i >= 0; i--) bytes[draw(bytes.length)] ^= 1 << draw(8);
    return bytes;
  },
  // Bits of the part in front, where the descriptions are.
  (bytes, draw) => {
    const front = Math.min(bytes.length, 1024);
    bytes[draw(front)] ^= 1 << draw(8);
    return bytes;
  },
  // A length, or whatever lies there.
  (bytes, draw) => {
    const lengths = [0, 1, 2, 0xff, 0xffff, 0x7fffffff, 0xfffffffe, 0xffffffff, draw(0x10000)];
    const size = [2, 4][draw(2)];
    const at = draw(Math.max(1, bytes.length - size));
    const value = lengths[draw(lengths.length)];
    for (let i = 0; i < size && at + i < bytes.length; i++)
      bytes[at + i] = Math.floor(value / 256 ** i) & 0xff;
    return bytes;
  },
  // The end is missing.
  (bytes, draw) => bytes.subarray(0, draw(bytes.length)),
  // A piece is missing.
  (bytes, draw) => {
    const at = draw(bytes.length);
    const end = at + draw(64);
    return Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(end)]);
  },
  // A piece occurs twice.
  (bytes, draw) => {
    const at = draw(bytes.length);
    return Uint8Array.from([...bytes.subarray(0, at + draw(64)), ...bytes.subarray(at)]);
  },
  // A piece is noise, or all one value.
  (bytes, draw) => {
    const at = draw(bytes.length);
    const noise = draw(2) === 1;
    const value = [0, 0xff][draw(2)];
    for (let i = at; i < Math.min(bytes.length, at + 32); i++) bytes[i] = noise ? draw(256) : value;
    return bytes;
  },
];

function mutate(bytes: Uint8Array, draw: Draw): Uint8Array {
  // Not slice: that of a Buffer is no copy.
  return KINDS[draw(KINDS.length)](new Uint8Array(bytes), draw);
}
