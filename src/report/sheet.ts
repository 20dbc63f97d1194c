/**
 * A sheet of many small pictures: one plane of a volume in each cell, rows and columns named, a short caption below each
 * picture. Methods against layers, settings against settings and pool sizes against reconstructions all read alike.
 */
import { type Volume, voxelCount } from '../volume/volume.ts';
import { type Canvas, capHeight } from './canvas.ts';
import { greyPicture, heatPicture } from './colours.ts';
import { shortenText } from './font.ts';
import {
  type Block,
  drawPage,
  drawRowLabel,
  INK,
  MARGIN,
  MUTED,
  notesBlock,
  SMALL_SCALE,
  space,
  TEXT_SCALE,
  titleBlock,
} from './page.ts';
import { percentiles } from './percentiles.ts';
import { type Axis, extractPlane, fitView, planeView, resizePlane } from './planes.ts';
import { drawOutline, heatRange } from './rows.ts';

/** One picture: a plane of some volumes on one grid, of each the first channel. */
export interface SheetCell {
  /** In grey, from its 1st to its 99.5th percentile. */
  readonly image: Volume;
  /** Over it, blue negative and red positive, as far as its 99.9th percentile. */
  readonly heatmap?: Volume;
  /** What exceeds ½ is outlined. */
  readonly mask?: Volume;
  readonly axis: Axis;
  readonly index: number;
  /** Below the picture. */
  readonly caption?: string;
}

export interface SheetRow {
  readonly label: string;
  /** One for each column; nothing is drawn where there is none. */
  readonly cells: readonly (SheetCell | undefined)[];
}

export interface SheetInput {
  /** One line on top. */
  readonly title: string;
  /** Names of the columns. */
  readonly columns: readonly string[];
  readonly rows: readonly SheetRow[];
  /** Small lines at the bottom. */
  readonly notes?: readonly string[];
}

/** Pixels of a cell's picture, between cells, and of the rows' names. */
const SIDE = 140;
const GAP = 10;
const LABELS = 150;

/** @returns a PNG file, 8-bit RGB, as wide and high as its cells. */
export function renderSheet(input: SheetInput): Uint8Array {
  return drawSheet(input).toPng();
}

/** The sheet before it is a file, for those who need its size. */
export function drawSheet({ title, columns, rows, notes = [] }: SheetInput): Canvas {
  const width = LABELS + columns.length * (SIDE + GAP) - GAP;
  return drawPage(width + 2 * MARGIN, [
    space(MARGIN - 6),
    titleBlock(title, MARGIN, width),
    space(22),
    namesBlock(columns),
    space(8),
    ...rows.flatMap((row) => [rowBlock(row), space(GAP)]),
    ...(notes.length > 0 ? [space(14), notesBlock(notes, MARGIN, width)] : []),
    space(MARGIN - 6),
  ]);
}

function cellLeft(column: number): number {
  return MARGIN + LABELS + column * (SIDE + GAP);
}

function namesBlock(columns: readonly string[]): Block {
  return {
    height: Math.ceil(capHeight(TEXT_SCALE)),
    draw(canvas, top) {
      for (const [i, name] of columns.entries()) {
        const line = shortenText(name, SIDE / TEXT_SCALE);
        const style = { colour: INK, scale: TEXT_SCALE, align: 'centre' } as const;
        canvas.text(line, cellLeft(i) + SIDE / 2, top, style);
      }
    },
  };
}

function rowBlock({ label, cells }: SheetRow): Block {
  const caption = cells.some((cell) => cell?.caption) ? 10 + Math.ceil(capHeight(SMALL_SCALE)) : 0;
  return {
    height: SIDE + caption,
    draw(canvas, top) {
      drawRowLabel(canvas, label, { left: MARGIN, top, width: LABELS - GAP, height: SIDE });
      for (const [i, cell] of cells.entries()) if (cell) drawCell(canvas, cell, cellLeft(i), top);
    },
  };
}

function drawCell(canvas: Canvas, cell: SheetCell, cellLeft: number, cellTop: number): void {
  const { image, heatmap, mask, axis, index, caption } = cell;
  const view = planeView(image.geometry, axis);
  const { width, height } = fitView(view, image, { width: SIDE, height: SIDE });
  const left = cellLeft + Math.round((SIDE - width) / 2);
  const top = cellTop + Math.round((SIDE - height) / 2);
  const planeOf = (volume: Volume) => resizePlane(extractPlane(volume, view, index), width, height);
  const [low, high] = percentiles(image.data.subarray(0, voxelCount(image.shape)), [1, 99.5]);
  canvas.blit(greyPicture(planeOf(image), [low, high]), left, top);
  if (heatmap) canvas.blit(heatPicture(planeOf(heatmap), heatRange(heatmap)), left, top);
  if (mask) drawOutline(canvas, mask, view, index, { left, top, width, height });
  if (caption) {
    const style = { colour: MUTED, scale: SMALL_SCALE, align: 'centre' } as const;
    canvas.text(shortenText(caption, SIDE / SMALL_SCALE), cellLeft + SIDE / 2, cellTop + SIDE + 6, style);
  }
}
