/**
 * A page is a column of blocks. A block knows its height and draws itself at a given top, so that the canvas can
 * be made once all heights are known and nothing can overlap. The colours and sizes of type live here too.
 */
import { Canvas, type Colour, capHeight } from './canvas.ts';
import { shortenText, wrapText } from './font.ts';

/** A part of a page. */
export interface Block {
  readonly height: number;
  draw(canvas: Canvas, top: number): void;
}

/** Free pixels around everything. */
export const MARGIN = 36;

export const INK: Colour = [28, 32, 38];
export const MUTED: Colour = [100, 106, 116];

/** Scales of the font: capitals are seven times as many pixels high. */
export const TITLE_SCALE = 2.25;
export const TEXT_SCALE = 1.75;
export const SMALL_SCALE = 1.5;

const BOLD = 1.35;
const LINE_ROWS = 12;

/** Draws the blocks below one another on white. */
export function drawPage(width: number, blocks: readonly Block[]): Canvas {
  const height = blocks.reduce((sum, block) => sum + block.height, 0);
  const canvas = new Canvas(width, height);
  let top = 0;
  for (const block of blocks) {
    block.draw(canvas, top);
    top += block.height;
  }
  return canvas;
}

/** Free space. */
export function space(height: number): Block {
  return { height, draw: () => {} };
}

/** A bold line, shortened in its middle when it is wider than `width`. */
export function titleBlock(title: string, left: number, width: number): Block {
  const line = shortenText(title, width / (TITLE_SCALE * 1.02));
  return {
    height: Math.ceil(capHeight(TITLE_SCALE)),
    draw(canvas, top) {
      canvas.text(line, left, top, { colour: INK, scale: TITLE_SCALE, weight: BOLD });
    },
  };
}

/** The name of a row of pictures: as many lines as it needs, in the middle of the row's height. */
export function drawRowLabel(
  canvas: Canvas,
  label: string,
  box: { readonly left: number; readonly top: number; readonly width: number; readonly height: number },
): void {
  const lines = wrapText(label, box.width / TEXT_SCALE);
  const step = LINE_ROWS * TEXT_SCALE;
  const height = capHeight(TEXT_SCALE) + (lines.length - 1) * step;
  for (const [i, line] of lines.entries()) {
    const top = box.top + (box.height - height) / 2 + i * step;
    canvas.text(line, box.left, top, { colour: INK, scale: TEXT_SCALE });
  }
}

/** Small lines, wrapped to `width`. */
export function notesBlock(notes: readonly string[], left: number, width: number): Block {
  const lines = notes.flatMap((note) => wrapText(note, width / SMALL_SCALE));
  const step = LINE_ROWS * SMALL_SCALE;
  return {
    height: lines.length * step,
    draw(canvas, top) {
      for (const [i, line] of lines.entries()) {
        canvas.text(line, left, top + i * step, { colour: MUTED, scale: SMALL_SCALE });
      }
    },
  };
}
