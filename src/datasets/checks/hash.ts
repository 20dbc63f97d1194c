/**
 * A hash of voxels, to find the same image in two files whatever their format, names and headers. Two lanes of 32 bits, each
 * a multiply-and-rotate chain as in MurmurHash3 with its finaliser (A. Appleby, public domain); it withstands accidents, not
 * an adversary.
 */

/** Multipliers and rotations of the two lanes: MurmurHash3_x86_128's. */
const [C1, C2, C3] = [0x239b961b, 0xab0e9789, 0x38b34ae5];
const [SEED_A, SEED_B] = [0x9747b28c, 0x1b873593];

/** 16 hexadecimal digits of the bits of all values in their order; −0 counts as 0. */
export function voxelHash(values: Float32Array): string {
  const words = new Int32Array(values.buffer, values.byteOffset, values.length);
  let a = SEED_A;
  let b = SEED_B;
  for (let i = 0; i < words.length; i++) {
    // -0 is 0 to whoever computes with it.
    const word = words[i] === -0x80000000 ? 0 : words[i];
    const first = Math.imul(word, C1);
    a ^= Math.imul((first << 15) | (first >>> 17), C2);
    a = Math.imul((a << 19) | (a >>> 13), 5) + 0x561ccd1b;
    const second = Math.imul(word, C2);
    b ^= Math.imul((second << 16) | (second >>> 16), C3);
    b = Math.imul((b << 17) | (b >>> 15), 5) + 0x0bcaa747;
  }
  a ^= words.length;
  b ^= words.length;
  a = (a + b) | 0;
  b = (b + a) | 0;
  return [finished(a), finished(b)].map((lane) => lane.toString(16).padStart(8, '0')).join('');
}

function finished(lane: number): number {
  let h = lane;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}
