/**
 * One picture that shows what a reconstruction found, in three columns for the three planes through one voxel.
 * From top to bottom: the image; the heatmap over it, with the truth if it is known; the logits of the slices along
 * each axis over the dimmed image, as in Fig. 2b of the paper. The picture needs nothing but arrays.
 */
import { type Vector, type Volume, voxelCount } from '../volume/volume.ts';
import type { Canvas } from './canvas.ts';
import { greyPicture } from './colours.ts';
import { drawPage, MARGIN, notesBlock, space, titleBlock } from './page.ts';
import { percentiles } from './percentiles.ts';
import { extractPlane, fitView, isIndex, planeView, resizePlane } from './planes.ts';
import type { Profile } from './profiles.ts';
import {
  CONTENT,
  type Column,
  columnLeft,
  headingBlock,
  heatmapBlocks,
  imageBlock,
  PANEL,
  profileBlocks,
} from './rows.ts';

/** What a montage shows. */
export interface MontageInput {
  /** One line on top. */
  readonly title: string;
  readonly image: Volume;
  /** Channel of the image; default 0. Of the heatmap and the mask the first channel is shown. */
  readonly channel?: number;
  /** On the image's grid; signed values. */
  readonly heatmap: Volume;
  /** The truth, on the image's grid: what exceeds ½ is outlined. */
  readonly mask?: Volume;
  /** Voxel (axis 0, axis 1, axis 2) that the three planes go through; default: the heatmap's maximum. */
  readonly focus?: Vector;
  /** Logits of the slices perpendicular to an axis; one profile for each axis at most. */
  readonly profiles?: readonly Profile[];
  /** Small lines at the bottom. */
  readonly notes?: readonly string[];
}

const WIDTH = CONTENT + 2 * MARGIN;

/**
 * Draws the montage, 1052 pixels wide and as high as its parts.
 * @returns a PNG file, 8-bit RGB.
 * @throws RangeError when the heatmap or the mask is on another grid than the image, or when the focus, the channel
 *   or a profile does not belong to it.
 */
export function renderMontage(input: MontageInput): Uint8Array {
  return drawMontage(input).toPng();
}

/** The montage before it is a file, for those who need its size. @throws RangeError as `renderMontage` does. */
export function drawMontage(input: MontageInput): Canvas {
  checkInput(input);
  const { title, image, heatmap, mask, profiles = [], notes = [] } = input;
  const focus = input.focus ?? peakOf(heatmap);
  const columns = makeColumns(input, focus);
  return drawPage(WIDTH, [
    space(MARGIN - 6),
    titleBlock(title, MARGIN, CONTENT),
    space(22),
    headingBlock(columns),
    imageBlock(columns),
    space(30),
    ...heatmapBlocks(heatmap, mask, columns),
    ...(profiles.length > 0 ? [space(26), ...profileBlocks(profiles, image.shape, focus, columns)] : []),
    ...(notes.length > 0 ? [space(24), notesBlock(notes, MARGIN, CONTENT)] : []),
    space(MARGIN - 6),
  ]);
}

function checkInput({ image, channel = 0, heatmap, mask, focus, profiles = [] }: MontageInput): void {
  for (const [name, volume] of Object.entries({ heatmap, mask })) {
    if (volume && volume.shape.join() !== image.shape.join()) {
      throw new RangeError(
        `The ${name} has ${volume.shape.join('×')} voxels, but the image has ${image.shape.join('×')}.`,
      );
    }
    if (volume && !sameAffine(volume, image)) {
      throw new RangeError(`The ${name} lies elsewhere in the world than the image: their affines differ.`);
    }
  }
  if (!isIndex(channel, image.channels)) {
    throw new RangeError(`There is no channel ${channel}: the image has ${image.channels}.`);
  }
  if (focus && !focus.every((index, axis) => isIndex(index, image.shape[axis]))) {
    throw new RangeError(`The focus ${focus.join(', ')} is not a voxel of ${image.shape.join('×')}.`);
  }
  for (const { axis, position, values } of profiles) {
    if (position.length !== values.length) {
      throw new RangeError(
        `The profile of axis ${axis} has ${position.length} positions but ${values.length} values.`,
      );
    }
  }
}

/** Whether two affines agree as well as the single precision of a file's header lets them. */
function sameAffine(a: Volume, b: Volume): boolean {
  return a.geometry.affine.every((value, i) => {
    const other = b.geometry.affine[i];
    return Math.abs(value - other) <= 1e-3 * Math.max(1, Math.abs(other));
  });
}

/** The voxel where the first channel is largest; the middle of the grid when its values are all alike. */
export function peakOf({ data, shape }: Volume): Vector {
  let best = -1;
  let varies = false;
  for (let i = 0; i < voxelCount(shape); i++) {
    if (!Number.isFinite(data[i])) continue;
    if (best >= 0 && data[i] !== data[best]) varies = true;
    if (best < 0 || data[i] > data[best]) best = i;
  }
  const [depth, height, width] = shape;
  if (!varies) return [depth >> 1, height >> 1, width >> 1];
  return [Math.floor(best / (height * width)), Math.floor(best / width) % height, best % width];
}

function makeColumns({ image, channel = 0 }: MontageInput, focus: Vector): Column[] {
  const count = voxelCount(image.shape);
  const [low, high] = percentiles(image.data.subarray(channel * count, (channel + 1) * count), [1, 99.5]);
  return ([0, 1, 2] as const).map((axis) => {
    const view = planeView(image.geometry, axis);
    const { width, height } = fitView(view, image, { width: PANEL, height: PANEL });
    const plane = resizePlane(extractPlane(image, view, focus[axis], channel), width, height);
    const left = columnLeft(axis) + Math.round((PANEL - width) / 2);
    return { view, index: focus[axis], left, width, height, grey: greyPicture(plane, [low, high]) };
  });
}
