/**
 * What pointers and the wheel do on a plane. One finger or the left button is the tool: it moves the crosshair, or takes
 * the brush along. Two fingers move and zoom the picture, as Shift or the middle button and Ctrl with the wheel do; the
 * right button sets the image's window, across its width and down its level. It knows places on the canvas, and no page.
 */
import type { Axis } from '../../report/planes.ts';
import { type Frame, grown, moved, type Size, toVoxel } from './coordinates.ts';
import type { ViewerState } from './state.ts';

type Spot = readonly [x: number, y: number];
type Drag = 'tool' | 'move' | 'pinch' | 'window';
type Press = Pick<PointerEvent, 'pointerId' | 'button' | 'shiftKey'>;
type Turn = Pick<WheelEvent, 'deltaY' | 'deltaMode' | 'ctrlKey'>;

/** Wheel points after which a slice has gone by, and what a wheel that counts lines means by one. */
const WHEEL_STEP = 40;
const LINES = 1;
const ZOOM_STEP = 1.2;
/** Canvas points across which a drag runs through all of the window that was shown at first. */
const WINDOW_DRAG = 300;

export class Gestures {
  readonly #state: ViewerState;
  readonly #axis: Axis;
  readonly #canvas: () => { readonly size: Size; readonly frame: Frame };
  readonly #down = new Map<number, Spot>();
  #drag: Drag | undefined;
  #turned = 0;

  /** @param canvas tells how large it is and where the picture lies on it. */
  constructor(state: ViewerState, axis: Axis, canvas: () => { size: Size; frame: Frame }) {
    this.#state = state;
    this.#axis = axis;
    this.#canvas = canvas;
  }

  press({ pointerId, button, shiftKey }: Press, at: Spot): void {
    this.#down.set(pointerId, at);
    if (this.#down.size > 1) {
      this.#state.endStroke();
      this.#drag = 'pinch';
    } else {
      this.#drag = button === 2 ? 'window' : button === 1 || shiftKey ? 'move' : 'tool';
      if (this.#drag === 'tool') this.#useTool(at);
    }
  }

  move(pointerId: number, at: Spot): void {
    const before = this.#down.get(pointerId);
    if (!before) return;
    const by: Spot = [at[0] - before[0], at[1] - before[1]];
    if (this.#drag === 'pinch') this.#pinch(pointerId, before, at);
    this.#down.set(pointerId, at);
    if (this.#drag === 'tool') this.#useTool(at);
    else if (this.#drag === 'move') this.#move(by);
    else if (this.#drag === 'window') this.#setWindow(by);
  }

  /** A pointer is gone, whether it was lifted or taken away. */
  release(pointerId: number): void {
    if (!this.#down.delete(pointerId)) return;
    if (this.#drag === 'tool') this.#state.endStroke();
    // The finger that stays after a pinch does nothing more.
    if (this.#down.size === 0) this.#drag = undefined;
    else if (this.#drag === 'pinch') this.#down.clear();
  }

  /** Slices go by; with Ctrl, or two fingers on a trackpad, the zoom changes. */
  turn({ deltaY, deltaMode, ctrlKey }: Turn, at: Spot): void {
    const state = this.#state;
    if (ctrlKey) {
      this.#zoom(deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, at);
      return;
    }
    this.#turned += deltaY * (deltaMode === LINES ? WHEEL_STEP : 1);
    const steps = Math.trunc(this.#turned / WHEEL_STEP);
    if (steps === 0) return;
    this.#turned -= steps * WHEEL_STEP;
    state.moveToSlice(this.#axis, state.crosshair.peek()[this.#axis] + steps);
  }

  #useTool(at: Spot): void {
    const state = this.#state;
    const { info, crosshair } = state;
    const point = toVoxel(info.views[this.#axis], info.shape, this.#canvas().frame, at, crosshair.peek());
    if (state.tool.peek() === 'look') state.moveTo(point);
    else state.paint(point);
  }

  #pinch(pointerId: number, before: Spot, at: Spot): void {
    const other = [...this.#down].find(([id]) => id !== pointerId)?.[1];
    if (!other) return;
    const apart = (spot: Spot) => Math.max(Math.hypot(spot[0] - other[0], spot[1] - other[1]), 1);
    // Grown first: a picture that fits its canvas could not be moved. The middle goes half as far as the finger.
    this.#zoom(apart(at) / apart(before), [(before[0] + other[0]) / 2, (before[1] + other[1]) / 2]);
    this.#move([(at[0] - before[0]) / 2, (at[1] - before[1]) / 2]);
  }

  #move(by: Spot): void {
    const { info, centre } = this.#state;
    const { frame, size } = this.#canvas();
    centre.value = moved(info.views[this.#axis], info.shape, frame, size, by, centre.peek());
  }

  #zoom(by: number, at: Spot): void {
    const { info, centre } = this.#state;
    const { frame, size } = this.#canvas();
    this.#state.zoomBy(by, (really) =>
      grown(info.views[this.#axis], info.shape, frame, size, really, at, centre.peek()),
    );
  }

  #setWindow([x, y]: Spot): void {
    const { info, window, channel } = this.#state;
    const first = info.windows[channel.peek()];
    const step = (first.high - first.low || 1) / WINDOW_DRAG;
    const [low, high] = window.peek();
    const width = Math.max(high - low + x * step, step);
    const level = (low + high) / 2 + y * step;
    window.value = [level - width / 2, level + width / 2];
  }
}
