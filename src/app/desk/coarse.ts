/** A case in few voxels, for a render in 3D: blocks of voxels as their mean, lesions wherever a block holds one. */
import type { ComponentRuns } from '../../evaluation/components.ts';
import { type Shape, type Volume, voxelCount } from '../../volume/volume.ts';
import type { Decision, RenderVolume } from '../protocol.ts';
import type { Seen } from './pictures.ts';

const MARKS = { undecided: 1, accepted: 2, rejected: 3 } as const;

/**
 * @param side voxels along the longest axis at most.
 * @param window of the first channel: its ends become 0 and 255.
 */
export function coarseCase(
  { volume, heatmap, lesions, decisions = new Map() }: Seen,
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
    ...(lesions && { lesions: blockMarks(lesions, volume.shape, shape, factor, decisions) }),
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

/** Of the first channel. Blocks at the far ends may be thinner than others. */
function blockMeans(
  data: Float32Array,
  [depth, height, width]: Shape,
  blocks: Shape,
  factor: number,
): Float32Array {
  const means = new Float32Array(voxelCount(blocks));
  const thickness = (block: number, length: number) => Math.min(factor, length - block * factor);
  for (let d = 0, voxel = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      const [blockD, blockH] = [Math.floor(d / factor), Math.floor(h / factor)];
      const row = (blockD * blocks[1] + blockH) * blocks[2];
      const rows = thickness(blockD, depth) * thickness(blockH, height);
      for (let block = 0; block < blocks[2]; block++) {
        const voxels = thickness(block, width);
        let sum = 0;
        for (const end = voxel + voxels; voxel < end; voxel++) sum += data[voxel];
        means[row + block] += sum / (rows * voxels);
      }
    }
  }
  return means;
}

/** 1 for a lesion that nobody has judged, 2 accepted, 3 rejected; of several in a block one that is not rejected. */
function blockMarks(
  { labels, starts, ends }: ComponentRuns,
  [, height, width]: Shape,
  blocks: Shape,
  factor: number,
  decisions: ReadonlyMap<number, Decision>,
): Uint8Array {
  const marks = new Uint8Array(voxelCount(blocks));
  for (let run = 0; run < labels.length; run++) {
    const mark = MARKS[decisions.get(labels[run]) ?? 'undecided'];
    const row = Math.floor(starts[run] / width);
    const plane = Math.floor(Math.floor(row / height) / factor);
    const from = (plane * blocks[1] + Math.floor((row % height) / factor)) * blocks[2];
    const first = Math.floor((starts[run] - row * width) / factor);
    const last = Math.floor((ends[run] - 1 - row * width) / factor);
    for (let block = from + first; block <= from + last; block++) {
      if (marks[block] === 0 || marks[block] === MARKS.rejected) marks[block] = mark;
    }
  }
  return marks;
}
