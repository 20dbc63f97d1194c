/**
 * A sheet of many small pictures: one plane of a volume in each cell, rows and columns named, a short caption below each
 * picture. Methods against layers, settings against settings and pool sizes against reconstructions all read alike.
 */
import type { Volume } from '../volume/volume.ts';
import { type Canvas, capHeight } from './canvas.ts';
import { greyPicture, heatPicture } from './colours.ts';
import { shortenText, textWidth } from './font.ts';
import {
  type Block,
  drawPage,
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
import { type Axis, extractPlane, fitView, type Plane, planeView, resizePlane } from './planes.ts';

/** One picture: a plane of a volume's first channel. */
export interface SheetCell {
  readonly volume: Volume;
  readonly axis: Axis;
  readonly index: number;
  /** Grey from the 1st to the 99.5th percentile of the volume, or blue to red as far as its largest magnitude. */
  readonly colours: 'grey' | 'heat';
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
export function renderSheet({ title, columns, rows, notes = [] }: SheetInput): Uint8Array {
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
  ]).toPng();
}

function cellLeft(column: number): number {
  return MARGIN + LABELS + column * (SIDE + GAP);
}

function namesBlock(columns: readonly string[]): Block {
  return {
    height: Math.ceil(capHeight(TEXT_SCALE)),
    draw(canvas, top) {
      for (const [i, name] of columns.entries()) centred(canvas, name, cellLeft(i), top, TEXT_SCALE, INK);
    },
  };
}

function rowBlock({ label, cells }: SheetRow): Block {
  const captions = cells.some((cell) => cell?.caption);
  return {
    height: SIDE + (captions ? 6 + Math.ceil(capHeight(SMALL_SCALE)) + 4 : 0),
    draw(canvas, top) {
      const line = shortenText(label, (LABELS - GAP) / TEXT_SCALE);
      canvas.text(line, MARGIN, top + SIDE / 2 - capHeight(TEXT_SCALE) / 2, {
        colour: INK,
        scale: TEXT_SCALE,
      });
      for (const [i, cell] of cells.entries()) if (cell) drawCell(canvas, cell, cellLeft(i), top);
    },
  };
}

function drawCell(canvas: Canvas, cell: SheetCell, left: number, top: number): void {
  const { volume, axis, index, colours, caption } = cell;
  const view = planeView(volume.geometry, axis);
  const { width, height } = fitView(view, volume, { width: SIDE, height: SIDE });
  const plane = resizePlane(extractPlane(volume, view, index), width, height);
  const x = left + Math.round((SIDE - width) / 2);
  const y = top + Math.round((SIDE - height) / 2);
  canvas.blit(colours === 'grey' ? grey(plane, volume) : heat(plane, volume), x, y);
  if (caption) centred(canvas, caption, left, top + SIDE + 6, SMALL_SCALE, MUTED);
}

function grey(plane: Plane, { data }: Volume) {
  const [low, high] = percentiles(data, [1, 99.5]);
  return greyPicture(plane, [low, high]);
}

function heat(plane: Plane, { data }: Volume) {
  return heatPicture(
    plane,
    data.reduce((most, value) => Math.max(most, Math.abs(value)), 0),
  );
}

function centred(
  canvas: Canvas,
  text: string,
  left: number,
  top: number,
  scale: number,
  colour: typeof INK,
): void {
  const line = shortenText(text, SIDE / scale);
  canvas.text(line, left + (SIDE - textWidth(line) * scale) / 2, top, { colour, scale });
}
