/** Whether two volumes lie on one grid, as checks speak of it. */
import { gridDistance } from '../../volume/grids.ts';
import { spacing } from '../../volume/volume.ts';
import type { Level } from './check.ts';
import type { VolumeFacts } from './facts.ts';

/** Millimetres between the same voxels of two files that are written by different programs. */
const ROUNDING = 1e-2;
/** Share of the shortest side of a voxel beyond which an evaluation refuses a mask. */
const SHARE = 0.1;

export interface Apart {
  readonly level: Level;
  /** A sentence about the first. @param other what the second is called. */
  readonly words: (other: string) => string;
}

/** How the grid of one differs from that of another; undefined where it does not. */
export function apartness(one: VolumeFacts, other: VolumeFacts): Apart | undefined {
  const size = ({ shape }: VolumeFacts) => shape.join(' × ');
  if (size(one) !== size(other)) {
    return { level: 'error', words: (name) => `It has ${size(one)} voxels, and ${name} has ${size(other)}.` };
  }
  const distance = gridDistance(one.geometry, other.geometry, one.shape);
  if (distance <= ROUNDING) return undefined;
  const far = distance > SHARE * Math.min(...spacing(other.geometry));
  return {
    level: far ? 'error' : 'warning',
    words: (name) =>
      `It lies elsewhere in the world than ${name}: voxels are up to ${distance.toPrecision(3)} mm apart.`,
  };
}
