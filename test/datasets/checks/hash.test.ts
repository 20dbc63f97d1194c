import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { voxelHash } from '../../../src/datasets/checks/hash.ts';

const floats = fc
  .float32Array({ minLength: 0, maxLength: 40, noNaN: true })
  .map((values) => values.map((v) => v + 0));
const sha = (values: Float32Array) =>
  createHash('sha256')
    .update(new Uint8Array(values.buffer, values.byteOffset, values.byteLength))
    .digest('hex');

test('two arrays have one hash exactly where they have one SHA-256', () => {
  // Few different values, so that equal arrays come up.
  const few = fc
    .array(fc.constantFrom(0, 1, -1, 2), { maxLength: 3 })
    .map((values) => Float32Array.from(values));
  fc.assert(
    fc.property(fc.oneof(fc.tuple(few, few), fc.tuple(floats, floats)), ([a, b]) => {
      expect(voxelHash(a) === voxelHash(b)).toBe(sha(a) === sha(b));
    }),
    { numRuns: 500 },
  );
});

test('one bit, one place or one value more is another hash', () => {
  fc.assert(
    fc.property(floats, fc.nat(), fc.integer({ min: 0, max: 30 }), (values, at, bit) => {
      const before = voxelHash(values);
      expect(before).toMatch(/^[0-9a-f]{16}$/);
      expect(voxelHash(Float32Array.from([...values, 0]))).not.toBe(before);
      if (values.length === 0) return;
      const changed = values.slice();
      new Int32Array(changed.buffer)[at % values.length] ^= 1 << bit;
      // -0 and 0 are one value.
      if (!(changed[at % values.length] === values[at % values.length])) {
        expect(voxelHash(changed)).not.toBe(before);
      }
    }),
  );
});

test('a hundred thousand neighbours do not collide', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 100_000; i++) seen.add(voxelHash(Float32Array.of(i, 0, i % 7)));
  expect(seen.size).toBe(100_000);
});

test('a part of a larger array counts for itself, and −0 is 0', () => {
  const whole = Float32Array.of(9, 1, 2, 3);
  expect(voxelHash(whole.subarray(1))).toBe(voxelHash(Float32Array.of(1, 2, 3)));
  expect(voxelHash(Float32Array.of(-0, 1))).toBe(voxelHash(Float32Array.of(0, 1)));
});
