/** What the volumes of one study must have in common to become the channels and the mask of a case. */
import { VolumeError } from '../errors.ts';
import { gridDistance } from '../volume/grids.ts';
import { spacing, type Volume } from '../volume/volume.ts';

/** Share of a voxel by which grids may be apart: headers are rounded in different ways. */
const APART = 0.05;

/**
 * Makes sure that volumes lie on one grid: nothing is resampled or registered here.
 * @param remedy what to do where they do not, as a sentence.
 * @throws VolumeError that names the first volume that differs.
 */
export function requireOneGrid(
  volumes: readonly Pick<Volume, 'name' | 'shape' | 'geometry'>[],
  remedy = 'Register and resample the volumes of a study to one grid.',
): void {
  const [first] = volumes;
  const title = ({ name }: Pick<Volume, 'name'>) => name ?? 'a volume';
  for (const volume of volumes) {
    if (volume.shape.join() !== first.shape.join()) {
      throw new VolumeError(
        title(volume),
        `It has ${volume.shape.join(' × ')} voxels, and ${title(first)} has ${first.shape.join(' × ')}.`,
        { remedy },
      );
    }
    const apart = gridDistance(first.geometry, volume.geometry, first.shape);
    if (apart > APART * Math.min(...spacing(first.geometry))) {
      throw new VolumeError(
        title(volume),
        `It lies elsewhere in the world than ${title(first)}: voxels are up to ${apart.toPrecision(3)} mm apart.`,
        { remedy },
      );
    }
  }
}
