import { describe, expect, it, test } from 'vitest';
import { openSources } from '../../../src/app/desk/opening.ts';
import { drawPlane, type Seen } from '../../../src/app/desk/pictures.ts';
import type { PlaneRequest } from '../../../src/app/protocol.ts';
import { connectedRuns } from '../../../src/evaluation/components.ts';
import { randomStreams } from '../../../src/geometry/random.ts';
import { heatColour } from '../../../src/report/colours.ts';
import { outlineOf } from '../../../src/report/outline.ts';
import { type Axis, extractPlane, planeView } from '../../../src/report/planes.ts';
import { createVolume, type Shape, type Volume } from '../../../src/volume/volume.ts';
import { fixtureSource } from '../../support/app-sources.ts';

const request: PlaneRequest = {
  axis: 0,
  index: 0,
  channel: 0,
  window: [0, 255],
  opacity: 1,
  range: 1,
  mask: true,
  truth: true,
};
const draw = (seen: Seen, more: Partial<PlaneRequest> = {}) => {
  const wanted = { ...request, ...more };
  return drawPlane(seen, planeView(seen.volume.geometry, wanted.axis), wanted);
};
/** Red, green and blue of a pixel. */
const colour = ({ pixels }: { pixels: Uint8ClampedArray }, i: number) => [
  ...pixels.subarray(4 * i, 4 * i + 3),
];
/** One row of voxels with the identity affine, seen from the patient's feet: R, and so the last voxel, on the left. */
const row = (...values: number[]) => createVolume(Float32Array.from(values), [1, 1, values.length]);

describe('pixels', () => {
  // nibabel's numbers of sheared.nii, whose axes x, y, z run to A, L and S: rows and columns of an axial plane are
  // x (from the front, so backwards) and y.
  test.each([
    [
      0,
      2,
      [
        [98, 8, 95, 75, 17],
        [80, 90, -63, -127, 105],
        [85, 14, -20, 91, 88],
        [120, 20, 41, 72, 55],
      ],
    ],
    [
      1,
      1,
      [
        [103, 66, 43, -69],
        [57, -26, 48, -5],
        [14, -93, -80, -39],
        [8, 90, 14, 20],
        [9, -76, -62, -82],
        [56, 53, -72, -77],
      ],
    ],
    [
      2,
      3,
      [
        [53, 103, 113, 76, -107],
        [11, 57, 39, -98, -37],
        [25, 14, -71, -7, 114],
        [98, 8, 95, 75, 17],
        [58, 9, -56, 112, 61],
        [-106, 56, 80, 119, 81],
      ],
    ],
  ] as const)('are the voxels of axis %i, turned and flipped as they are looked at', async (axis, index, expected) => {
    const opened = await openSources([fixtureSource('nifti/sheared.nii')]);
    if (opened.kind === 'choose') throw new Error('It is one volume.');
    const picture = draw({ volume: opened.volume }, { axis, index, window: [-128, 127] });
    expect([picture.width, picture.height]).toEqual([expected[0].length, expected.length]);
    const greys = expected.flat().map((value) => value + 128);
    expect([...picture.pixels]).toEqual(greys.flatMap((grey) => [grey, grey, grey, 255]));
  });

  it('are black below the window, white above it, and rounded between', () => {
    const picture = draw({ volume: row(-50, 100, 101, 102, 200, 400) }, { window: [100, 200] });
    expect([5, 4, 3, 2, 1, 0].map((i) => colour(picture, i)[0])).toEqual([0, 0, 3, 5, 255, 255]);
    const steep = draw({ volume: row(6, 7, 8) }, { window: [7, 7] });
    expect([2, 1, 0].map((i) => colour(steep, i)[0])).toEqual([0, 0, 255]);
    const odd = draw({ volume: row(Number.NaN, Number.POSITIVE_INFINITY) }, { window: [-10, 10] });
    expect([1, 0].map((i) => colour(odd, i)[0])).toEqual([128, 128]);
  });

  it('show the channel that is asked for', () => {
    const volume = createVolume(Float32Array.of(10, 20, 30, 40), [1, 1, 2], { channels: 2 });
    expect(colour(draw({ volume }, { channel: 1 }), 0)).toEqual([40, 40, 40]);
    expect(() => draw({ volume }, { channel: 2 })).toThrow(RangeError);
    expect(() => draw({ volume }, { index: 1 })).toThrow(RangeError);
    expect(() => draw({ volume }, { axis: 2, index: -1 })).toThrow(RangeError);
  });

  it('mix the heatmap’s colours into the grey by their own opacity and the one that is asked for', () => {
    const greys = [0, 90, 255];
    for (const opacity of [0.3, 1]) {
      for (const value of [-7, -2, -0.61, -0.004, 0, 0.25, 1.37, 2, 9]) {
        const picture = draw(
          { volume: row(...greys), heatmap: Float32Array.of(value, value, value) },
          { opacity, range: 2 },
        );
        const [red, green, blue, share] = heatColour(value / 2);
        for (const [i, grey] of greys.entries()) {
          const mixed = [red, green, blue].map((own) => grey + share * opacity * (own - grey));
          colour(picture, 2 - i).forEach((found, channel) => {
            expect(Math.abs(found - mixed[channel])).toBeLessThanOrEqual(1.01);
          });
        }
      }
    }
  });

  it('have blue below zero, red above it, and neither without opacity or range', () => {
    const seen = { volume: row(100, 100), heatmap: Float32Array.of(-1, 1) };
    const [right, left] = [1, 0].map((i) => colour(draw(seen), i));
    expect(right[2]).toBeGreaterThan(right[0] + 80);
    expect(left[0]).toBeGreaterThan(left[2] + 80);
    for (const none of [{ opacity: 0 }, { range: 0 }]) {
      expect([0, 1].map((i) => colour(draw(seen, none), i))).toEqual([
        [100, 100, 100],
        [100, 100, 100],
      ]);
    }
    const holes = { ...seen, heatmap: Float32Array.of(Number.NaN, 0) };
    expect(colour(draw(holes), 1)).toEqual([100, 100, 100]);
  });
});

describe('outlines', () => {
  const shape: Shape = [9, 11, 13];
  /** x to P, y to L, z to S, all of different lengths: every axis is turned or flipped somewhere. */
  const geometry = { affine: [0, -2, 0, 5, -1, 0, 0, 6, 0, 0, 3, 7, 0, 0, 0, 1] };
  const [random] = randomStreams(7, 1);
  const blobs = (): Uint8Array => {
    const mask = new Uint8Array(9 * 11 * 13);
    for (let blob = 0; blob < 12; blob++) {
      const [d, h, w] = shape.map((length) => random.below(length));
      for (let z = Math.max(d - 1, 0); z < Math.min(d + 2, 9); z++) {
        for (let y = Math.max(h - 1, 0); y < Math.min(h + 2, 11); y++) {
          for (let x = Math.max(w - 1, 0); x < Math.min(w + 2, 13); x++)
            mask[(z * 11 + y) * 13 + x] = random.below(2);
        }
      }
    }
    return mask;
  };
  const volume: Volume = createVolume(new Float32Array(9 * 11 * 13), shape, { geometry });
  const planes = ([0, 1, 2] as const).flatMap((axis) =>
    Array.from({ length: shape[axis] }, (_, index) => ({ axis, index })),
  );
  /** As a mask's plane has them. */
  const expected = (marked: (voxel: number) => boolean, axis: Axis, index: number) => {
    const data = Float32Array.from({ length: volume.data.length }, (_, voxel) => (marked(voxel) ? 1 : 0));
    return sorted(outlineOf(extractPlane({ data, shape, channels: 1 }, planeView(geometry, axis), index)));
  };
  const sorted = (pieces: readonly ArrayLike<number>[]) =>
    pieces.map((piece) => Array.from(piece).join()).sort();
  const pieces = (segments: Float32Array) =>
    sorted(Array.from({ length: segments.length / 4 }, (_, i) => segments.subarray(4 * i, 4 * i + 4)));

  it('are those of the truth and of each kind of lesion in the plane', () => {
    const [truth, found] = [blobs(), blobs()];
    const lesions = connectedRuns(found, shape, 26);
    const labels = new Int32Array(found.length);
    lesions.labels.forEach((label, run) => {
      labels.fill(label, lesions.starts[run], lesions.ends[run]);
    });
    expect(lesions.count).toBeGreaterThan(4);
    const seen: Seen = {
      volume,
      lesions,
      truth: connectedRuns(truth, shape, 6),
      decisions: new Map([
        [1, 'accepted'],
        [2, 'rejected'],
        [3, 'accepted'],
      ]),
    };
    const kinds = {
      truth: (voxel: number) => truth[voxel] === 1,
      accepted: (voxel: number) => labels[voxel] === 1,
      rejected: (voxel: number) => labels[voxel] === 2,
      chosen: (voxel: number) => labels[voxel] === 3,
      lesion: (voxel: number) => labels[voxel] > 3,
    };
    const seenKinds = new Set<string>();
    for (const { axis, index } of planes) {
      const { outlines } = draw(seen, { axis, index, lesion: 3 });
      const drawn = Object.fromEntries(outlines.map(({ kind, segments }) => [kind, pieces(segments)]));
      for (const [kind, marked] of Object.entries(kinds)) {
        expect(drawn[kind] ?? [], `${kind} on axis ${axis}, plane ${index}`).toEqual(
          expected(marked, axis, index),
        );
        if (drawn[kind]) seenKinds.add(kind);
      }
    }
    expect([...seenKinds].sort()).toEqual(['accepted', 'chosen', 'lesion', 'rejected', 'truth']);
  });

  it('are in pixels of the picture', () => {
    const mask = new Uint8Array(4);
    mask[0] = 1;
    const lesions = connectedRuns(mask, [1, 2, 2], 26);
    // With the identity affine the first voxel is at the patient's left and back: the lower right pixel.
    const { outlines } = draw({ volume: createVolume(new Float32Array(4), [1, 2, 2]), lesions });
    const [{ kind, segments }] = outlines;
    expect(kind).toBe('lesion');
    expect(pieces(segments)).toEqual(['1,1.5,1.5,2', '1.5,1,1,1.5', '1.5,2,2,1.5', '2,1.5,1.5,1']);
  });

  it('are left out where nobody asks for them, and where there are none', () => {
    const lesions = connectedRuns(Uint8Array.of(1, 0), [1, 1, 2], 26);
    const seen: Seen = { volume: row(1, 2), lesions, truth: lesions };
    expect(draw(seen).outlines.map(({ kind }) => kind)).toEqual(['truth', 'lesion']);
    expect(draw(seen, { mask: false }).outlines.map(({ kind }) => kind)).toEqual(['truth']);
    expect(draw(seen, { truth: false, mask: false }).outlines).toEqual([]);
    expect(draw({ volume: row(1, 2) }).outlines).toEqual([]);
  });
});
