/** A plane's picture on a canvas: pixels, outlines, crosshair, sides, brush. */
import type { PlaneView } from '../../report/planes.ts';
import type { OutlineKind, PlanePicture } from '../protocol.ts';
import type { Frame, Size } from './coordinates.ts';

/** Canvas pixels a voxel from which on voxels are shown as squares. */
const SQUARES = 6;
/** Canvas points that the crosshair leaves free around what it points at. */
const GAP = 7;

const CASING = 'rgb(0 0 0 / 0.55)';

/** Outlines from the least to the most telling, which is drawn last. */
const STYLES: Readonly<Record<OutlineKind, { colour: string; width: number; dash?: number[] }>> = {
  truth: { colour: '#ffd83d', width: 1.5 },
  rejected: { colour: '#b0b0b0', width: 1.25, dash: [4, 3] },
  lesion: { colour: '#ff8a3c', width: 1.75 },
  accepted: { colour: '#4ee07e', width: 2 },
  chosen: { colour: '#ffffff', width: 2.5 },
};
const ORDER = Object.keys(STYLES) as OutlineKind[];

export interface Marks {
  readonly frame: Frame;
  readonly view: PlaneView;
  /** On the canvas. */
  readonly crosshair: readonly [x: number, y: number];
  /** Radii along x and y on the canvas, and where; absent without a brush. */
  readonly brush?: { readonly at: readonly [number, number]; readonly radii: readonly [number, number] };
}

/** Keeps the pixels of the last picture, so that marks can be drawn anew without asking for it. */
export class PictureCanvas {
  readonly #pixels = document.createElement('canvas');
  #outlines: PlanePicture['outlines'] = [];

  put({ width, height, pixels, outlines }: PlanePicture): void {
    this.#pixels.width = width;
    this.#pixels.height = height;
    // In the page's memory, so that they are still there when a graphics card is lost.
    const context = this.#pixels.getContext('2d', { willReadFrequently: true });
    context?.putImageData(new ImageData(pixels, width, height), 0, 0);
    this.#outlines = outlines;
  }

  draw(canvas: HTMLCanvasElement, { width, height }: Size, marks: Marks): void {
    const context = canvas.getContext('2d');
    if (!context) return;
    const scale = window.devicePixelRatio || 1;
    const [pixelWidth, pixelHeight] = [Math.round(width * scale), Math.round(height * scale)];
    if (canvas.width !== pixelWidth || canvas.height !== pixelHeight) {
      canvas.width = pixelWidth;
      canvas.height = pixelHeight;
    }
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = '#000';
    context.fillRect(0, 0, width, height);
    const { frame } = marks;
    context.imageSmoothingEnabled = (frame.width * scale) / Math.max(this.#pixels.width, 1) < SQUARES;
    context.imageSmoothingQuality = 'high';
    if (this.#pixels.width > 0) {
      context.drawImage(this.#pixels, frame.left, frame.top, frame.width, frame.height);
    }
    this.#drawOutlines(context, frame);
    drawCrosshair(context, marks, { width, height });
    drawBrush(context, marks);
    drawSides(context, marks.view, { width, height });
  }

  #drawOutlines(context: CanvasRenderingContext2D, frame: Frame): void {
    const [x, y] = [frame.width / this.#pixels.width, frame.height / this.#pixels.height];
    const sorted = [...this.#outlines].sort((a, b) => ORDER.indexOf(a.kind) - ORDER.indexOf(b.kind));
    for (const { kind, segments } of sorted) {
      const { colour, width, dash = [] } = STYLES[kind];
      context.beginPath();
      for (let i = 0; i < segments.length; i += 4) {
        context.moveTo(frame.left + segments[i] * x, frame.top + segments[i + 1] * y);
        context.lineTo(frame.left + segments[i + 2] * x, frame.top + segments[i + 3] * y);
      }
      // Dark beside the line, so that it is told from red and white alike.
      context.setLineDash([]);
      context.strokeStyle = CASING;
      context.lineWidth = width + 2;
      context.stroke();
      context.setLineDash(dash);
      context.strokeStyle = colour;
      context.lineWidth = width;
      context.stroke();
    }
    context.setLineDash([]);
  }
}

function drawCrosshair(
  context: CanvasRenderingContext2D,
  { crosshair: [x, y] }: Marks,
  { width, height }: Size,
): void {
  context.beginPath();
  for (const [from, to] of [
    [0, x - GAP],
    [x + GAP, width],
  ]) {
    context.moveTo(from, y);
    context.lineTo(to, y);
  }
  for (const [from, to] of [
    [0, y - GAP],
    [y + GAP, height],
  ]) {
    context.moveTo(x, from);
    context.lineTo(x, to);
  }
  context.strokeStyle = 'rgb(120 220 255 / 0.55)';
  context.lineWidth = 1;
  context.stroke();
}

function drawBrush(context: CanvasRenderingContext2D, { brush }: Marks): void {
  if (!brush) return;
  context.beginPath();
  context.ellipse(...brush.at, ...brush.radii, 0, 0, 2 * Math.PI);
  context.strokeStyle = '#fff';
  context.lineWidth = 1.5;
  context.stroke();
}

function drawSides(context: CanvasRenderingContext2D, { sides }: PlaneView, { width, height }: Size): void {
  context.font = '600 12px system-ui, sans-serif';
  context.textBaseline = 'middle';
  context.textAlign = 'center';
  const inset = 10;
  const places = [
    [sides.left, inset, height / 2],
    [sides.right, width - inset, height / 2],
    [sides.top, width / 2, inset],
    [sides.bottom, width / 2, height - inset],
  ] as const;
  for (const [letter, x, y] of places) {
    context.lineWidth = 3;
    context.strokeStyle = 'rgb(0 0 0 / 0.7)';
    context.strokeText(letter, x, y);
    context.fillStyle = '#e6e6e6';
    context.fillText(letter, x, y);
  }
}
