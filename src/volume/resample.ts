/**
 * Values of a volume at the voxel centres of another grid. The two affines give one map from the indices of the grid to those of
 * the volume, and nothing else decides: a grid that runs the other way along an axis is read the other way. Where
 * that map takes every voxel to a voxel, up to rounding of the files' headers, values are moved and never touched.
 */
import { VolumeError } from '../errors.ts';
import { invertAffine } from './affine.ts';
import { affineDeterminant, type Shape, type Volume, voxelCount } from './volume.ts';

export interface ResampleOptions {
  /** linear for what was measured, nearest for masks and labels. */
  readonly interpolation: 'linear' | 'nearest';
  /** Value where the grid leaves the volume; default 0. */
  readonly outside?: number;
}

/** Voxels by which a map may miss whole numbers and still be meant to hit them: headers hold float32. */
const TOLERANCE = 1e-3;

/**
 * All channels of `volume` on the grid, computed in float64. A voxel fills its cell: up to half a voxel beyond the outermost
 * centres the nearest value along that axis goes on, and beyond that is `outside` (as ITK has it). Between two voxels,
 * nearest takes the one with the higher index.
 * @throws VolumeError when the volume's affine is singular.
 */
export function resampleVolume(
  volume: Volume,
  grid: Pick<Volume, 'shape' | 'geometry'>,
  { interpolation, outside = 0 }: ResampleOptions,
): Volume {
  const { shape, geometry } = grid;
  const map = snapped(indexMap(volume, grid), shape);
  if (map.whole && isIdentity(map.m) && shape.every((length, axis) => length === volume.shape[axis])) {
    return { ...volume, geometry };
  }
  const voxels = voxelCount(shape);
  const data = new Float32Array(volume.channels * voxels).fill(outside);
  const sample = interpolation === 'nearest' || map.whole ? sampleNearest : sampleLinear;
  for (let c = 0; c < volume.channels; c++) {
    const count = voxelCount(volume.shape);
    sample(
      volume.data.subarray(c * count, (c + 1) * count),
      volume.shape,
      data.subarray(c * voxels, (c + 1) * voxels),
      shape,
      map.m,
    );
  }
  return { ...volume, data, shape, geometry };
}

/** Rows of a 3×4 matrix, from (x, y, z, 1) of the grid to x, y and z of the volume. */
type IndexMap = readonly number[];

function indexMap(volume: Volume, { geometry: { affine: g } }: Pick<Volume, 'geometry'>): IndexMap {
  const a = volume.geometry.affine;
  if (!Number.isFinite(1 / affineDeterminant(a))) {
    throw new VolumeError(volume.name ?? 'The volume', 'Its affine is singular, so that it lies nowhere.', {
      remedy: 'Correct the header.',
    });
  }
  const inverse = invertAffine(a);
  return [0, 4, 8].flatMap((row) =>
    [0, 1, 2, 3].map((column) =>
      // The offsets are subtracted first: far from the origin their difference is small against them.
      inverse.slice(row, row + 3).reduce((sum, value, r) => {
        const offset = column === 3 ? a[4 * r + 3] : 0;
        return sum + value * (g[4 * r + column] - offset);
      }, 0),
    ),
  );
}

/** The map in whole numbers where that moves no voxel of the grid by more than the tolerance. */
function snapped(
  m: IndexMap,
  [depth, height, width]: Shape,
): { readonly m: IndexMap; readonly whole: boolean } {
  const rounded = m.map(Math.round);
  const reach = [width - 1, height - 1, depth - 1, 1];
  const whole = [0, 4, 8].every((row) => {
    // The difference is affine itself: no voxel has more than the sum of the axes' shares.
    const most = reach.reduce((sum, length, i) => sum + Math.abs(m[row + i] - rounded[row + i]) * length, 0);
    return most <= TOLERANCE;
  });
  return whole ? { m: rounded, whole } : { m, whole };
}

function isIdentity(m: IndexMap): boolean {
  return m.every((value, i) => value === (i % 5 === 0 ? 1 : 0));
}

type Sampler = (from: Float32Array, shape: Shape, to: Float32Array, grid: Shape, m: IndexMap) => void;

const sampleNearest: Sampler = (from, [depth, height, width], to, [gridDepth, gridHeight, gridWidth], m) => {
  let at = 0;
  for (let d = 0; d < gridDepth; d++) {
    for (let h = 0; h < gridHeight; h++) {
      // Along a row only w changes; multiplied rather than added up, so that long rows end where they should.
      const x0 = m[1] * h + m[2] * d + m[3] + 0.5;
      const y0 = m[5] * h + m[6] * d + m[7] + 0.5;
      const z0 = m[9] * h + m[10] * d + m[11] + 0.5;
      for (let w = 0; w < gridWidth; w++, at++) {
        const x = Math.floor(x0 + m[0] * w);
        const y = Math.floor(y0 + m[4] * w);
        const z = Math.floor(z0 + m[8] * w);
        if (x < 0 || y < 0 || z < 0 || x >= width || y >= height || z >= depth) continue;
        to[at] = from[(z * height + y) * width + x];
      }
    }
  }
};

const sampleLinear: Sampler = (from, [depth, height, width], to, [gridDepth, gridHeight, gridWidth], m) => {
  const [right, bottom, back] = [width - 1, height - 1, depth - 1];
  const plane = height * width;
  let at = 0;
  for (let d = 0; d < gridDepth; d++) {
    for (let h = 0; h < gridHeight; h++) {
      const x0 = m[1] * h + m[2] * d + m[3];
      const y0 = m[5] * h + m[6] * d + m[7];
      const z0 = m[9] * h + m[10] * d + m[11];
      for (let w = 0; w < gridWidth; w++, at++) {
        let x = x0 + m[0] * w;
        let y = y0 + m[4] * w;
        let z = z0 + m[8] * w;
        if (x < -0.5 || y < -0.5 || z < -0.5) continue;
        if (x >= right + 0.5 || y >= bottom + 0.5 || z >= back + 0.5) continue;
        x = x < 0 ? 0 : x > right ? right : x;
        y = y < 0 ? 0 : y > bottom ? bottom : y;
        z = z < 0 ? 0 : z > back ? back : z;
        const i = Math.floor(x);
        const j = Math.floor(y);
        const k = Math.floor(z);
        const fx = x - i;
        const fy = y - j;
        const fz = z - k;
        // A neighbour of no weight is not read: there may be none, or one that is not finite.
        const dx = fx > 0 ? 1 : 0;
        const dy = fy > 0 ? width : 0;
        const dz = fz > 0 ? plane : 0;
        const p = k * plane + j * width + i;
        const near = mix(mix(from[p], from[p + dx], fx), mix(from[p + dy], from[p + dy + dx], fx), fy);
        const far = mix(
          mix(from[p + dz], from[p + dz + dx], fx),
          mix(from[p + dz + dy], from[p + dz + dy + dx], fx),
          fy,
        );
        to[at] = mix(near, far, fz);
      }
    }
  }
};

function mix(a: number, b: number, share: number): number {
  return a + share * (b - a);
}
