/**
 * The three rows of a montage with their legends. A row shows one panel for each of the three planes; a panel is as
 * large as its plane's proportions allow within a square. Every row draws the same planes, so that what stands
 * below one another is the same place.
 */
import { type Shape, type Vector, type Volume, voxelCount } from '../volume/volume.ts';
import { type Canvas, type Colour, capHeight, type Picture, type Segment } from './canvas.ts';
import { heatColour, heatPicture } from './colours.ts';
import { outlineOf } from './outline.ts';
import { type Block, INK, MARGIN, MUTED, SMALL_SCALE, space, TEXT_SCALE } from './page.ts';
import { percentiles } from './percentiles.ts';
import { extractPlane, type PlaneView, placeOf, resizePlane } from './planes.ts';
import { drawProfile, logitRange, type Panel, type Profile } from './profiles.ts';

/** Side of the square that a panel fits into, in pixels. */
export const PANEL = 300;
const GUTTER = 40;

/** Width of the three columns. */
export const CONTENT = 3 * PANEL + 2 * GUTTER;

/** Of outlines: the truth, and what a method made of it. */
export const TRUTH: Colour = [255, 222, 40];
export const SEGMENTATION: Colour = [72, 226, 255];
const FOCUS: Colour = [255, 255, 255, 0.5];

/** The colours of profiles along axis 0, 1, 2: told apart by the colour-blind, bright enough on a dark image. */
const AXIS_COLOURS: readonly Colour[] = [
  [244, 170, 10],
  [86, 180, 233],
  [40, 200, 140],
];

/** How much of the image's brightness is left under the profiles. */
const DIMMED = 0.5;

/** One column of the page: a view, the index of its plane, its place and size in pixels, and the grey image. */
export interface Column extends Omit<Panel, 'top'> {
  readonly view: PlaneView;
  readonly index: number;
  readonly grey: Picture;
}

/** x where the square of a column begins. */
export function columnLeft(column: number): number {
  return MARGIN + column * (PANEL + GUTTER);
}

/** A number with three significant digits and a true minus sign. */
export function formatNumber(value: number): string {
  const magnitude = Math.abs(value);
  const plain = magnitude === 0 || (magnitude >= 1e-3 && magnitude < 1e5);
  const digits = plain ? String(Number(magnitude.toPrecision(3))) : magnitude.toExponential(1);
  return (value < 0 ? '−' : '') + digits.replace('-', '−').replace('+', '');
}

/** The name of a column and its plane, and the letter of what is on top. */
export function headingBlock(columns: readonly Column[]): Block {
  return {
    height: Math.ceil(capHeight(TEXT_SCALE)) + 30,
    draw(canvas, top) {
      for (const { view, left, width, index } of columns) {
        const plane = `axis ${view.axis} = ${index}`;
        const heading = view.name.startsWith('axis') ? plane : `${view.name} · ${plane}`;
        canvas.text(heading, left + width / 2, top, { colour: INK, scale: TEXT_SCALE, align: 'centre' });
      }
    },
  };
}

/** A row of panels, vertically centred. */
function panelRow(
  columns: readonly Column[],
  draw: (canvas: Canvas, column: Column, panel: Panel) => void,
): Block {
  const height = Math.max(...columns.map((column) => column.height));
  return {
    height,
    draw(canvas, top) {
      for (const column of columns) {
        draw(canvas, column, { ...column, top: top + Math.floor((height - column.height) / 2) });
      }
    },
  };
}

/** The row of grey images with the letters of the directions. */
export function imageBlock(columns: readonly Column[]): Block {
  return panelRow(columns, (canvas, { view, grey }, panel) => {
    canvas.blit(grey, panel.left, panel.top);
    drawSides(canvas, view, panel);
  });
}

/** The letters of the world directions around a panel. */
function drawSides(canvas: Canvas, { sides }: PlaneView, { left, top, width, height }: Panel): void {
  const style = { colour: MUTED, scale: SMALL_SCALE } as const;
  const capitals = capHeight(SMALL_SCALE);
  const centre = left + width / 2;
  const middle = Math.round(top + (height - capitals) / 2);
  canvas.text(sides.top, centre, Math.round(top - capitals - 6), { ...style, align: 'centre' });
  canvas.text(sides.bottom, centre, top + height + 7, { ...style, align: 'centre' });
  canvas.text(sides.left, left - 7, middle, { ...style, align: 'right' });
  canvas.text(sides.right, left + width + 7, middle, style);
}

/** The row of heatmaps over the image, and its colour bar. */
export function heatmapBlocks(
  heatmap: Volume,
  mask: Volume | undefined,
  columns: readonly Column[],
): Block[] {
  const range = heatRange(heatmap);
  const panels = panelRow(columns, (canvas, { view, index, grey }, panel) => {
    const plane = resizePlane(extractPlane(heatmap, view, index), panel.width, panel.height);
    canvas.blit(grey, panel.left, panel.top);
    canvas.blit(heatPicture(plane, range), panel.left, panel.top);
    if (mask) drawOutline(canvas, mask, view, index, panel);
  });
  return [panels, space(14), colourBarBlock(range, mask !== undefined)];
}

/** The largest magnitude that has a colour of its own: the 99.9th percentile, or the maximum of a sparse heatmap. */
export function heatRange({ data, shape }: Volume): number {
  const values = data.subarray(0, voxelCount(shape));
  const [range] = percentiles(values, [99.9], { magnitude: true });
  if (range > 0) return range;
  return values.reduce((max, value) => (Number.isFinite(value) ? Math.max(max, Math.abs(value)) : max), 0);
}

/** Outlines what exceeds ½ in a plane of the mask. */
export function drawOutline(
  canvas: Canvas,
  mask: Volume,
  view: PlaneView,
  index: number,
  panel: Panel,
  colour: Colour = TRUTH,
): void {
  const plane = extractPlane(mask, view, index);
  const x = (column: number) => panel.left + (column * panel.width) / plane.width;
  const y = (row: number) => panel.top + (row * panel.height) / plane.height;
  const pieces = outlineOf(plane).map(([x0, y0, x1, y1]): Segment => [x(x0), y(y0), x(x1), y(y1)]);
  canvas.strokes(pieces, colour, 1.4);
}

const BAR_HEIGHT = 12;

/** The heatmap's colours on white with their numbers, in the middle; what the outline means, on the left. */
function colourBarBlock(range: number, hasTruth: boolean): Block {
  const left = columnLeft(1);
  const style = { colour: INK, scale: SMALL_SCALE } as const;
  const small = { ...style, colour: MUTED };
  return {
    height: BAR_HEIGHT + 8 + Math.ceil(capHeight(SMALL_SCALE)),
    draw(canvas, top) {
      canvas.frame(left, top, PANEL, BAR_HEIGHT, MUTED);
      for (let x = 0; x < PANEL; x++) {
        canvas.fillRect(left + x, top, 1, BAR_HEIGHT, heatColour((2 * (x + 0.5)) / PANEL - 1));
      }
      const below = top + BAR_HEIGHT + 8;
      const end = range > 0 ? range : 0;
      if (end > 0) canvas.text(formatNumber(-end), left, below, style);
      canvas.text('0', left + PANEL / 2, below, { ...style, align: 'centre' });
      if (end > 0) canvas.text(formatNumber(end), left + PANEL, below, { ...style, align: 'right' });
      const explained = end > 0 ? 'heatmap, ± 99.9th percentile' : 'heatmap: zero everywhere';
      canvas.text(explained, columnLeft(2), top + 1, small);
      if (hasTruth) {
        canvas.fillRect(MARGIN, top, 30, BAR_HEIGHT, [70, 74, 82]);
        canvas.strokes([[MARGIN + 4, top + BAR_HEIGHT / 2, MARGIN + 26, top + BAR_HEIGHT / 2]], TRUTH, 1.6);
        canvas.text('truth', MARGIN + 38, top + 1, small);
      }
    },
  };
}

/** The row of logit profiles over the dimmed image, and its legend. */
export function profileBlocks(
  profiles: readonly Profile[],
  shape: Shape,
  focus: Vector,
  columns: readonly Column[],
): Block[] {
  const range = logitRange(profiles);
  const panels = panelRow(columns, (canvas, { view, grey }, panel) => {
    canvas.blit(dim(grey), panel.left, panel.top);
    for (const profile of profiles) {
      if (!range) break;
      drawProfile(canvas, panel, view, shape, profile, range, AXIS_COLOURS[profile.axis]);
    }
    const place = ({ axis }: PlaneView['rows']) => placeOf(view, shape, axis, focus[axis]);
    canvas.fillRect(
      panel.left + Math.floor(place(view.columns) * panel.width),
      panel.top,
      1,
      panel.height,
      FOCUS,
    );
    canvas.fillRect(
      panel.left,
      panel.top + Math.floor(place(view.rows) * panel.height),
      panel.width,
      1,
      FOCUS,
    );
  });
  return [panels, space(14), profileLegendBlock(profiles, range, columns)];
}

function dim(picture: Picture): Picture {
  return { ...picture, data: picture.data.map((value) => value * DIMMED) };
}

function profileLegendBlock(
  profiles: readonly Profile[],
  range: readonly [number, number] | undefined,
  columns: readonly Column[],
): Block {
  const style = { colour: MUTED, scale: SMALL_SCALE } as const;
  const scale = range ? `logit ${formatNumber(range[0])} to ${formatNumber(range[1])}` : 'no finite logit';
  return {
    height: 20 + Math.ceil(capHeight(SMALL_SCALE)),
    draw(canvas, top) {
      for (const { axis } of profiles) {
        const left = columnLeft(axis);
        const { name } = columns[axis].view;
        const middle = top + capHeight(SMALL_SCALE) / 2;
        canvas.strokes([[left + 2, middle, left + 28, middle]], AXIS_COLOURS[axis], 3);
        const slices = name.startsWith('axis')
          ? `slices along ${name}`
          : `${name} slices, along axis ${axis}`;
        canvas.text(slices, left + 38, top, style);
      }
      canvas.text(
        `${scale} on one scale for all curves, dotted at 0; the thin lines cross at the focus`,
        MARGIN,
        top + 20,
        style,
      );
    },
  };
}
