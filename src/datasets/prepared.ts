/** What adapters promise of the cases that they prepare, checked before anything of them is written. */
import { VolumeError } from '../errors.ts';
import { gridDistance } from '../volume/grids.ts';
import { spacing, type Volume } from '../volume/volume.ts';
import type { FoundStudies, PreparedCase } from './adapter.ts';

/** Millimetres that channels may be apart: whoever joins them allows for no more. */
const CHANNELS_APART = 0.01;
/** And a mask, as a share of a voxel's shortest side: what is lost where affines are rounded. */
const MASK_APART = 0.1;

/** Letters, digits, ".", "_" and "-", and not hidden. */
const NAME = /^[\p{L}\p{M}\p{N}_-][\p{L}\p{M}\p{N}._-]*$/u;

export function isStudyName(name: string): boolean {
  return NAME.test(name);
}

/**
 * @throws VolumeError when images or mask of a case do not lie on one grid: that is the archive's doing.
 * @throws RangeError when a case breaks another promise: that is the adapter's.
 */
export function checkPrepared(
  cases: readonly PreparedCase[],
  { classes, channels }: Pick<FoundStudies, 'classes' | 'channels'>,
): void {
  for (const { name, labels, images, mask, box } of cases) {
    const broken = (promise: string) => new RangeError(`Case ${name} ${promise}.`);
    if (!isStudyName(name)) throw broken('has a name that is not fit for a file');
    if (labels.length !== classes.length || !labels.every((label) => label === 0 || label === 1)) {
      throw broken(`has the labels ${labels.join()} for the classes ${classes.join()}`);
    }
    if (images.length !== channels.length || images.some((image) => image.channels !== 1)) {
      throw broken(`has not one volume for each of ${channels.join()}`);
    }
    const [first, ...others] = images;
    for (const other of others) requireOneGrid(name, first, other, 'channel');
    if (mask) {
      requireOneGrid(name, first, mask, 'mask');
      if (mask.channels !== 1 || !mask.data.every((value) => value === 0 || value === 1)) {
        throw broken('has a mask that holds more than 0 and 1');
      }
    }
    if (
      box &&
      !box.to.every((end, axis) => box.from[axis] >= 0 && box.from[axis] < end && end <= first.shape[axis])
    ) {
      throw broken('has a box outside its grid');
    }
  }
}

function requireOneGrid(name: string, image: Volume, other: Volume, what: 'channel' | 'mask'): void {
  const subject = other.name ?? `the ${what} of case ${name}`;
  const its = image.name ?? `the image of case ${name}`;
  if (other.shape.join() !== image.shape.join()) {
    throw new VolumeError(
      subject,
      `It has ${other.shape.join(' × ')} voxels, and ${its} has ${image.shape.join(' × ')}.`,
      { remedy: 'Resample them to one grid.' },
    );
  }
  const apart = gridDistance(other.geometry, image.geometry, image.shape);
  const allowed = what === 'mask' ? MASK_APART * Math.min(...spacing(image.geometry)) : CHANNELS_APART;
  if (apart <= allowed) return;
  throw new VolumeError(
    subject,
    `It lies elsewhere in the world than ${its}: voxels are up to ${apart.toPrecision(3)} mm apart.`,
    { remedy: 'Register and resample them to one grid.' },
  );
}
