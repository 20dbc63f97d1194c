/** A case in few voxels, for a render in 3D: blocks of voxels as their mean, lesions wherever a block holds one. */
import type { ComponentRuns } from '../../evaluation/components.ts';
import { type Shape, type Volume, voxelCount } from '../../volume/volume.ts';
import type { RenderVolume } from '../protocol.ts';
import type { Seen } from './pictures.ts';

/**
 * @param side voxels along the longest axis at most.
 * @param window of the first channel: its ends become 0 and 255.
 */
export function coarseCase(
  { volume, heatmap, lesions, decision }: Seen,
  side: number,
  { low, high }: { readonly low: number; readonly high: number },
): RenderVolume {
  const factor = Math.max(1, Math.ceil(Math.max(...volume.shape) / side));
  const shape = volume.shape.map((length) => Math.ceil(length / factor)) as unknown as Shape;
  const scale = high > low ? 255 / (high - low) : 0;
  const means = blockMeans(volume.data, volume.shape, shape, factor);
  const image = new Uint8ClampedArray(means.length);
  for (let i = 0; i < means.length; i++) image[i] = (means[i] - low) * scale;
  return {
    shape,
    affine: coarseAffine(volume, factor),
    image: new Uint8Array(image.buffer),
    ...(heatmap && { heatmap: blockMeans(heatmap, volume.shape, shape, factor) }),
    ...(lesions && { lesions: blockLesions(lesions, volume.shape, shape, factor, decision) }),
  };
}

/** Voxel (0, 0, 0) of the coarse grid lies in the middle of its block. */
function coarseAffine({ geometry: { affine: a } }: Volume, factor: number): number[] {
  const middle = (factor - 1) / 2;
  const row = (r: number) => {
    const [x, y, z, offset] = a.slice(4 * r, 4 * r + 4);
    return [x * factor, y * factor, z * factor, offset + (x + y + z) * middle];
  };
  return [...row(0), ...row(1), ...row(2), 0, 0, 0, 1];
}

/** Calls with each voxel and the block that it lies in. */
function eachVoxel(
  [depth, height, width]: Shape,
  [, blockHeight, blockWidth]: Shape,
  factor: number,
  visit: (voxel: number, block: number) => void,
): void {
  let voxel = 0;
  for (let d = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      const row = (Math.floor(d / factor) * blockHeight + Math.floor(h / factor)) * blockWidth;
      for (let w = 0; w < width; w++) visit(voxel++, row + Math.floor(w / factor));
    }
  }
}

function blockMeans(data: Float32Array, shape: Shape, blocks: Shape, factor: number): Float32Array {
  const sums = new Float32Array(voxelCount(blocks));
  const counts = new Uint32Array(sums.length);
  eachVoxel(shape, blocks, factor, (voxel, block) => {
    sums[block] += data[voxel];
    counts[block]++;
  });
  for (let block = 0; block < sums.length; block++) sums[block] /= counts[block];
  return sums;
}

/** 1 for a lesion that nobody has judged, 2 accepted, 3 rejected; of several in a block one that is not rejected. */
function blockLesions(
  { labels, starts, ends }: ComponentRuns,
  [, height, width]: Shape,
  blocks: Shape,
  factor: number,
  decision: Seen['decision'],
): Uint8Array {
  const marks = new Uint8Array(voxelCount(blocks));
  for (let run = 0; run < labels.length; run++) {
    const decided = decision?.(labels[run]);
    const mark = decided ? LESION_MARKS[decided] : 1;
    const row = Math.floor(starts[run] / width);
    const plane = Math.floor(Math.floor(row / height) / factor);
    const from = (plane * blocks[1] + Math.floor((row % height) / factor)) * blocks[2];
    const first = starts[run] - row * width;
    const last = ends[run] - 1 - row * width;
    for (let block = Math.floor(first / factor); block <= Math.floor(last / factor); block++) {
      const before = marks[from + block];
      if (before === 0 || before === LESION_MARKS.rejected) marks[from + block] = mark;
    }
  }
  return marks;
}

const LESION_MARKS = { accepted: 2, rejected: 3 } as const;
