/**
 * One case by several methods (Fig. 6): a row of the image alone, then a row for each method with its heatmap over the
 * image, in three columns for the three planes. The truth is outlined everywhere, a method's segmentation in its own row,
 * so that what the image holds, what the method answers and what the thresholds make of it are seen side by side.
 */
import { UsageError } from '../errors.ts';
import { createVolume, type Shape, type Vector, type Volume, voxelCount } from '../volume/volume.ts';
import { type Canvas, capHeight } from './canvas.ts';
import { greyPicture, heatPicture } from './colours.ts';
import { textWidth } from './font.ts';
import { peakOf } from './montage.ts';
import {
  type Block,
  drawPage,
  drawRowLabel,
  INK,
  MUTED,
  notesBlock,
  SMALL_SCALE,
  space,
  TEXT_SCALE,
  titleBlock,
} from './page.ts';
import { percentiles } from './percentiles.ts';
import { extractPlane, fitView, isIndex, planeView, resizePlane } from './planes.ts';
import { type Column, drawOutline, heatRange, SEGMENTATION, TRUTH } from './rows.ts';
import type { Picture } from './study.ts';

/** What one method makes of a case, on the image's grid. */
export interface CaseMethod {
  /** "Tomographic LayerCAM (layer 2)". */
  readonly label: string;
  /** Of several channels the first is shown. */
  readonly heatmap: Volume;
  /** [D, H, W], not 0 (in a volume: above ½) where the thresholds left something. */
  readonly segmentation?: Volume | Uint8Array;
}

export interface CaseInput {
  /** One line on top: the case's name, as a rule. */
  readonly title: string;
  /** Of several channels the first is shown. */
  readonly image: Volume;
  readonly methods: readonly CaseMethod[];
  /** What exceeds ½ is outlined. */
  readonly truth?: Volume;
  /**
   * Index of the plane on each axis; `widestPlanes` finds those of a lesion. Default: through the maximum of the first
   * method's heatmap, or the middle where there is none.
   */
  readonly planes?: Vector;
  /** Default: what is shown, in a sentence. */
  readonly caption?: string;
}

/** Pixels of a panel, between panels, of the rows' names, and around everything. */
const SIDE = 200;
const GAP = 8;
const LABELS = 150;
const EDGE = 18;

const CONTENT = LABELS + 3 * (SIDE + GAP) - GAP;

/**
 * For each axis the plane in which a mask is largest (the middle one of several that are alike), so that each of the
 * three planes shows as much of a lesion as it can.
 * @param mask [D, H, W], not 0 where the lesion is.
 * @returns undefined for an empty mask.
 */
export function widestPlanes(mask: Uint8Array, shape: Shape): Vector | undefined {
  const areas = shape.map((length) => new Float64Array(length));
  const [depth, height, width] = shape;
  for (let d = 0, i = 0; d < depth; d++) {
    for (let h = 0; h < height; h++) {
      for (let w = 0; w < width; w++, i++) {
        if (mask[i] === 0) continue;
        areas[0][d]++;
        areas[1][h]++;
        areas[2][w]++;
      }
    }
  }
  const [first, second, third] = areas.map((area) => {
    const largest = area.reduce((most, value) => Math.max(most, value), 0);
    const alike = [...area.keys()].filter((index) => area[index] === largest);
    return largest > 0 ? alike[alike.length >> 1] : -1;
  });
  return first < 0 ? undefined : [first, second, third];
}

/**
 * Draws the picture of a case, 802 pixels wide and as high as there are methods.
 * @throws UsageError when a heatmap or mask is on another grid than the image, or a plane is outside it.
 */
export function renderCase(input: CaseInput): Picture {
  const { title, image, methods, truth } = input;
  checkInput(input);
  const planes = input.planes ?? (methods.length > 0 ? peakOf(methods[0].heatmap) : middleOf(image.shape));
  const columns = caseColumns(image, planes);
  const segmented = methods.some(({ segmentation }) => segmentation);
  const canvas = drawPage(CONTENT + 2 * EDGE, [
    space(EDGE),
    titleBlock(title, EDGE, CONTENT),
    space(18),
    headings(columns),
    space(8),
    caseRow('image', columns, (panel, at) => {
      if (truth) drawOutline(panel, truth, at.view, at.index, at);
    }),
    ...methods.flatMap((method) => [space(GAP), methodRow(method, columns, truth)]),
    space(12),
    legend(truth !== undefined, segmented),
    space(EDGE),
  ]);
  return {
    png: canvas.toIndexedPng(),
    width: canvas.width,
    height: canvas.height,
    alt: altText(input, planes),
    caption: input.caption ?? captionText(input),
  };
}

function checkInput({ title, image, methods, truth, planes }: CaseInput): void {
  const count = voxelCount(image.shape);
  const check = (what: string, shape: Shape) => {
    if (shape.join() === image.shape.join()) return;
    throw new UsageError(
      title,
      `The ${what} has ${shape.join('×')} voxels, but the image has ${image.shape.join('×')}.`,
      { remedy: 'Bring both to one grid first.' },
    );
  };
  if (truth) check('truth', truth.shape);
  for (const { label, heatmap, segmentation } of methods) {
    check(`heatmap of ${label}`, heatmap.shape);
    if (segmentation instanceof Uint8Array) {
      if (segmentation.length === count) continue;
      throw new UsageError(
        title,
        `The segmentation of ${label} has ${segmentation.length} voxels, but the image has ${count}.`,
        { remedy: 'Bring both to one grid first.' },
      );
    }
    if (segmentation) check(`segmentation of ${label}`, segmentation.shape);
  }
  if (planes && !planes.every((index, axis) => isIndex(index, image.shape[axis]))) {
    throw new UsageError(
      title,
      `The planes ${planes.join(', ')} are not all within ${image.shape.join('×')} voxels.`,
      { remedy: 'Give an index from 0 on for each axis.' },
    );
  }
}

function middleOf([depth, height, width]: Shape): Vector {
  return [depth >> 1, height >> 1, width >> 1];
}

function caseColumns(image: Volume, planes: Vector): Column[] {
  const [low, high] = percentiles(image.data.subarray(0, voxelCount(image.shape)), [1, 99.5]);
  return ([0, 1, 2] as const).map((axis) => {
    const view = planeView(image.geometry, axis);
    const { width, height } = fitView(view, image, { width: SIDE, height: SIDE });
    const plane = resizePlane(extractPlane(image, view, planes[axis]), width, height);
    const left = EDGE + LABELS + axis * (SIDE + GAP) + Math.round((SIDE - width) / 2);
    return { view, index: planes[axis], left, width, height, grey: greyPicture(plane, [low, high]) };
  });
}

function headings(columns: readonly Column[]): Block {
  return {
    height: Math.ceil(capHeight(TEXT_SCALE)),
    draw(canvas, top) {
      for (const { view, index, left, width } of columns) {
        const name = view.name.startsWith('axis') ? `${view.name} = ${index}` : `${view.name} ${index}`;
        canvas.text(name, left + width / 2, top, { colour: INK, scale: TEXT_SCALE, align: 'centre' });
      }
    },
  };
}

/** A row of panels of the image with its name on the left, all vertically centred. */
function caseRow(
  label: string,
  columns: readonly Column[],
  drawOver: (canvas: Canvas, at: Column & { readonly top: number }) => void,
): Block {
  const height = Math.max(...columns.map((column) => column.height));
  return {
    height,
    draw(canvas, top) {
      drawRowLabel(canvas, label, { left: EDGE, top, width: LABELS - 14, height });
      for (const column of columns) {
        const at = { ...column, top: top + Math.round((height - column.height) / 2) };
        canvas.blit(column.grey, at.left, at.top);
        drawOver(canvas, at);
      }
    },
  };
}

function methodRow(method: CaseMethod, columns: readonly Column[], truth: Volume | undefined): Block {
  const { label, heatmap } = method;
  const range = heatRange(heatmap);
  const segmentation = segmentationVolume(method);
  return caseRow(label, columns, (canvas, at) => {
    const { view, index, left, top, width, height } = at;
    canvas.blit(
      heatPicture(resizePlane(extractPlane(heatmap, view, index), width, height), range),
      left,
      top,
    );
    if (truth) drawOutline(canvas, truth, view, index, at);
    if (segmentation) drawOutline(canvas, segmentation, view, index, at, SEGMENTATION);
  });
}

function segmentationVolume({ heatmap, segmentation }: CaseMethod): Volume | undefined {
  if (!(segmentation instanceof Uint8Array)) return segmentation;
  const { shape, geometry } = heatmap;
  return createVolume(
    Float32Array.from(segmentation, (value) => (value === 0 ? 0 : 1)),
    shape,
    { geometry },
  );
}

/** Pixels of a sample of an outline, and from one entry of the legend to the next. */
const SAMPLE = 26;
const ENTRY_GAP = 22;

/** What the outlines and the colours mean, in one line. */
function legend(hasTruth: boolean, hasSegmentation: boolean): Block {
  let right = EDGE + LABELS;
  const entries = [
    ...(hasTruth ? [{ name: 'truth', colour: TRUTH }] : []),
    ...(hasSegmentation ? [{ name: 'segmentation', colour: SEGMENTATION }] : []),
  ].map((entry) => {
    const left = right;
    right += SAMPLE + 7 + Math.ceil(textWidth(entry.name) * SMALL_SCALE) + ENTRY_GAP;
    return { ...entry, left };
  });
  const said = ['heatmap: red positive, blue negative, as far as its 99.9th percentile'];
  const colours = notesBlock(said, right, EDGE + CONTENT - right);
  return {
    height: colours.height,
    draw(canvas, top) {
      const middle = top + capHeight(SMALL_SCALE) / 2;
      for (const { name, colour, left } of entries) {
        canvas.fillRect(left, top - 2, SAMPLE, 14, [70, 74, 82]);
        canvas.strokes([[left + 4, middle, left + SAMPLE - 4, middle]], colour, 1.8);
        canvas.text(name, left + SAMPLE + 7, top, { colour: MUTED, scale: SMALL_SCALE });
      }
      colours.draw(canvas, top);
    },
  };
}

function planeNames({ image }: CaseInput, planes: Vector): string {
  const names = ([0, 1, 2] as const).map((axis) => `${planeView(image.geometry, axis).name} ${planes[axis]}`);
  return `${names[0]}, ${names[1]} and ${names[2]}`;
}

function altText(input: CaseInput, planes: Vector): string {
  const { title, methods, truth } = input;
  return `${title} in the planes ${planeNames(input, planes)}: the image${truth ? ' with the true outline' : ''}, then the heatmaps of ${methods.map(({ label }) => label).join(', ')}.`;
}

function captionText({ title, methods, truth }: CaseInput): string {
  const segmented = methods.some(({ segmentation }) => segmentation);
  return [
    `${title}: the image and the heatmaps of ${methods.length === 1 ? 'one method' : `${methods.length} methods`} over it, red positive and blue negative.`,
    truth ? 'Yellow: the truth.' : 'There is no lesion in it, or no mask of one.',
    ...(segmented ? ['Cyan: the segmentation.'] : []),
  ].join(' ');
}
