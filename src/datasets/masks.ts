/** Masks on the grid of the image that they were drawn on. */
import { VolumeError } from '../errors.ts';
import { gridDistance } from '../volume/grids.ts';
import { spacing, type Volume } from '../volume/volume.ts';

/** Share of the shortest side of a voxel by which two grids may lie apart and still be one: headers are rounded. */
const TOLERANCE = 0.01;

/**
 * The mask with 0 and 1 for its values, 1 wherever there is anything, exactly where the image is.
 * @throws VolumeError when the two are on different grids: a mask is not moved.
 */
export function maskOn(image: Pick<Volume, 'name' | 'shape' | 'geometry'>, mask: Volume): Volume {
  const [name, of] = [mask.name ?? 'The mask', image.name ?? 'its image'];
  if (mask.shape.join() !== image.shape.join()) {
    throw new VolumeError(
      name,
      `It has ${mask.shape.join(' × ')} voxels, and ${of} has ${image.shape.join(' × ')}.`,
      { remedy: 'Put the mask of this image in its place, or resample it to the image.' },
    );
  }
  const apart = gridDistance(mask.geometry, image.geometry, image.shape);
  if (!(apart <= TOLERANCE * Math.min(...spacing(image.geometry)))) {
    throw new VolumeError(
      name,
      `Its voxels lie up to ${Number(apart.toPrecision(3))} mm from those of ${of}.`,
      {
        remedy: 'Put the mask of this image in its place, or resample it to the image.',
      },
    );
  }
  return { ...mask, data: mask.data.map((value) => (value === 0 ? 0 : 1)), geometry: image.geometry };
}
