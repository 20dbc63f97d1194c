/** Masks on the grid of the image that they were drawn on. */
import type { Volume } from '../volume/volume.ts';
import { requireOneGrid } from './registered.ts';

/**
 * The mask with 0 and 1 for its values, 1 wherever there is anything, exactly where the image is.
 * @throws VolumeError when the two are on different grids: a mask is not moved.
 */
export function maskOn(image: Pick<Volume, 'name' | 'shape' | 'geometry'>, mask: Volume): Volume {
  requireOneGrid([image, mask], 'Put the mask of this image in its place, or resample it to the image.');
  return { ...mask, data: mask.data.map((value) => (value === 0 ? 0 : 1)), geometry: image.geometry };
}
