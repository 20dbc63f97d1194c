import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readEncoder } from '../../src/encoders/external.ts';
import { buildMatchedFilter } from '../../src/encoders/matched-filter.ts';
import { spatialLayers } from '../../src/onnx/layers.ts';
import { parseModel } from '../../src/onnx/model.ts';
import { run } from '../onnx/fixture.ts';

const asset = new URL('../../assets/matched-filter.onnx', import.meta.url);
const bytes = buildMatchedFilter();

/** Deterministic noise of deviation 1, near enough to normal. */
function noise(length: number): Float32Array {
  let state = 1;
  const uniform = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  return Float32Array.from({ length }, () => Array.from({ length: 12 }, uniform).reduce((a, b) => a + b, -6));
}

/** Slices side × side of the first image's noise plus a disc, one for each radius. */
async function logits(
  radii: readonly number[],
  contrast: number,
  { side = 64, level = 0, grain = 0.3 } = {},
) {
  const data = new Float32Array(radii.length * side * side);
  for (const [k, radius] of radii.entries()) {
    const pixels = noise(side * side);
    for (let i = 0; i < side * side; i++) {
      const distance = Math.hypot(Math.floor(i / side) - side / 2, (i % side) - side / 2);
      data[k * side * side + i] = level + grain * pixels[i] + (distance <= radius ? contrast : 0);
    }
  }
  const { logit } = await run(bytes, { slices: { data, dims: [radii.length, 1, side, side] } });
  expect(logit.dims).toEqual([radii.length, 1]);
  return logit.data;
}

test('the file that ships is what the builder makes: node scripts/encoders/matched-filter.mjs', () => {
  expect(readFileSync(asset).equals(bytes)).toBe(true);
});

test('it is read like any other encoder', async () => {
  const encoder = await readEncoder(bytes, 'matched-filter.onnx');
  expect(encoder).toMatchObject({
    layout: 'nchw',
    channels: 1,
    batch: undefined,
    size: undefined,
    outputs: 1,
    classes: ['bright blob'],
    activation: 'none',
    preprocessing: { normalise: 'zscore', outside: 'minimum' },
  });
  expect(encoder.metadata.name).toContain('not trained');
  const layers = spatialLayers(parseModel(bytes, 'matched-filter.onnx'));
  expect(layers.filter(({ sensible }) => sensible).map(({ tensor }) => tensor)).toEqual(
    encoder.metadata.layers,
  );
});

test('bright discs stand out of noise, the larger and the brighter the more', async () => {
  const [none, small, medium, large] = await logits([0.1, 2, 4, 6], 4);
  expect(small).toBeGreaterThan(10 * Math.abs(none) + 0.01);
  expect(medium).toBeGreaterThan(small);
  expect(large).toBeGreaterThan(medium);
  const [brighter] = await logits([4], 8);
  expect(brighter).toBeGreaterThan(medium);
  const [dark] = await logits([4], -4);
  expect(dark).toBeLessThan(medium / 3);
});

test('noise alone of the volume’s own deviation gives next to nothing', async () => {
  const [only] = await logits([-1], 0, { grain: 1 });
  const [disc] = await logits([4], 4, { grain: 1 });
  expect(only).toBeLessThan(disc / 5);
});

test('the level of a slice does not matter away from its border, and slices may have any size', async () => {
  const flat = new Float32Array(48 * 40).fill(0.5);
  const { logit } = await run(bytes, { slices: { data: flat, dims: [1, 1, 48, 40] } });
  expect(logit.data).toEqual([0]);
  const [raised] = await logits([4], 4, { level: -0.5 });
  const [plain] = await logits([4], 4);
  expect(Math.abs(raised - plain)).toBeLessThan(0.05 * plain);
});

test('the logit is an integral over the plane: two discs give twice as much as one', async () => {
  const side = 64;
  const draw = (centres: [number, number][]) =>
    Float32Array.from({ length: side * side }, (_, i) =>
      centres.some(([r, c]) => Math.hypot(Math.floor(i / side) - r, (i % side) - c) <= 4) ? 3 : 0,
    );
  const one = draw([[16, 16]]);
  const two = draw([
    [16, 16],
    [48, 40],
  ]);
  const { logit } = await run(bytes, {
    slices: { data: Float32Array.of(...one, ...two), dims: [2, 1, side, side] },
  });
  expect(logit.data[1] / logit.data[0]).toBeCloseTo(2, 4);
});
