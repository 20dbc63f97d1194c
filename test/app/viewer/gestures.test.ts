/** What pointers and the wheel do on a plane, with a real desk behind it and no page. */
import { signal } from '@preact/signals';
import type { Remote } from 'comlink';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Desk } from '../../../src/app/desk/desk.ts';
import type { DeskApi } from '../../../src/app/protocol.ts';
import { frameOf, type Size, toCanvas } from '../../../src/app/viewer/coordinates.ts';
import { Gestures } from '../../../src/app/viewer/gestures.ts';
import { ViewerState } from '../../../src/app/viewer/state.ts';
import type { Vector } from '../../../src/volume/volume.ts';

// A picture of 64 × 64 voxels: 4 points of the canvas each.
const size: Size = { width: 256, height: 256 };
let state: ViewerState;
let gestures: Gestures;
const left = { button: 0, shiftKey: false };

const frame = () => frameOf(state.info.views[0], state.info, size, state.zoom.value, state.centre.value);
const spot = (voxel: Vector) => toCanvas(state.info.views[0], state.info.shape, frame(), voxel);

beforeEach(async () => {
  const desk = new Desk();
  const info = await desk.phantom();
  state = new ViewerState({
    desk: desk as unknown as Remote<DeskApi>,
    info,
    heatmaps: signal([]),
    chosen: signal(undefined),
    revision: signal(0),
    onFailure: (failure) => expect.unreachable(failure.problem),
    onSay: () => {},
  });
  gestures = new Gestures(state, 0, () => ({ size, frame: frame() }));
});

afterEach(() => state.dispose());

describe('one pointer', () => {
  it('takes the crosshair along, in its plane', () => {
    gestures.press({ pointerId: 1, ...left }, spot([9, 20, 30]));
    expect(state.crosshair.value).toEqual([32, 20, 30]);
    gestures.move(1, spot([9, 25, 10]));
    expect(state.crosshair.value).toEqual([32, 25, 10]);
    gestures.release(1);
    gestures.move(1, spot([9, 50, 50]));
    expect(state.crosshair.value).toEqual([32, 25, 10]);
  });

  it('leaves the zoomed picture where it is, so that the way back leads back', () => {
    state.zoomBy(4, () => [32, 32, 32]);
    gestures.press({ pointerId: 1, ...left }, [128, 128]);
    const from = state.crosshair.value;
    for (let x = 128; x <= 200; x += 4) gestures.move(1, [x, 128]);
    const far = state.crosshair.value;
    for (let x = 200; x >= 128; x -= 4) gestures.move(1, [x, 128]);
    expect(state.crosshair.value).toEqual(from);
    // 72 points at 16 a voxel.
    expect(Math.abs(far[2] - from[2])).toBeGreaterThanOrEqual(4);
    expect(Math.abs(far[2] - from[2])).toBeLessThanOrEqual(5);
  });

  it('with Shift or the middle button moves the picture and not the crosshair', () => {
    for (const press of [
      { button: 0, shiftKey: true },
      { button: 1, shiftKey: false },
    ]) {
      state.zoomBy(4, () => [32, 32, 32]);
      const [before, crosshair] = [frame(), state.crosshair.value];
      gestures.press({ pointerId: 1, ...press }, [100, 100]);
      gestures.move(1, [117, 91]);
      gestures.release(1);
      expect(frame().left - before.left).toBeCloseTo(17, 6);
      expect(frame().top - before.top).toBeCloseTo(-9, 6);
      expect(state.crosshair.value).toBe(crosshair);
    }
  });

  it('of the right button widens the window to the right and darkens downwards', () => {
    const [low, high] = state.window.value;
    gestures.press({ pointerId: 1, button: 2, shiftKey: false }, [100, 100]);
    gestures.move(1, [160, 100]);
    let [newLow, newHigh] = state.window.value;
    expect(newHigh - newLow).toBeCloseTo(1.2 * (high - low), 6);
    expect(newLow + newHigh).toBeCloseTo(low + high, 6);
    gestures.move(1, [160, 130]);
    [newLow, newHigh] = state.window.value;
    expect((newLow + newHigh - low - high) / 2).toBeCloseTo(0.1 * (high - low), 6);
    gestures.move(1, [-5000, 130]);
    expect(state.window.value[1]).toBeGreaterThan(state.window.value[0]);
  });
});

describe('two fingers', () => {
  const pinch = () => {
    gestures.press({ pointerId: 1, ...left }, [118, 128]);
    const crosshair = state.crosshair.value;
    gestures.press({ pointerId: 2, ...left }, [138, 128]);
    return crosshair;
  };

  it('that part zoom in, around what is between them', () => {
    const crosshair = pinch();
    gestures.move(1, [98, 128]);
    gestures.move(2, [158, 128]);
    expect(state.zoom.value).toBeCloseTo(3, 6);
    expect(frame().left).toBeCloseTo(128 - 3 * 128, 6);
    expect(state.crosshair.value).toBe(crosshair);
  });

  it('leave nothing behind: the one that stays does not draw, the next one does', () => {
    const crosshair = pinch();
    gestures.release(1);
    gestures.move(2, [10, 10]);
    expect(state.crosshair.value).toBe(crosshair);
    gestures.release(2);
    gestures.press({ pointerId: 3, ...left }, spot([0, 5, 6]));
    expect(state.crosshair.value).toEqual([32, 5, 6]);
  });

  it('do not zoom out beyond the whole, nor move on at the end of the zoom', () => {
    pinch();
    gestures.move(2, [120, 128]);
    expect(state.zoom.value).toBe(1);
    gestures.turn({ deltaY: -1, deltaMode: 0, ctrlKey: true }, [10, 10]);
    for (let i = 0; i < 40; i++) gestures.turn({ deltaY: -1, deltaMode: 0, ctrlKey: true }, [10, 10]);
    const { zoom, centre } = state;
    expect(zoom.value).toBe(12);
    const end = centre.value;
    gestures.turn({ deltaY: -1, deltaMode: 0, ctrlKey: true }, [10, 10]);
    for (const axis of [0, 1, 2] as const) expect(centre.value[axis]).toBeCloseTo(end[axis], 9);
  });
});

it('the wheel goes through the slices, by lines and by small steps alike', () => {
  gestures.turn({ deltaY: 3, deltaMode: 1, ctrlKey: false }, [0, 0]);
  expect(state.crosshair.value).toEqual([35, 32, 32]);
  for (let i = 0; i < 4; i++) gestures.turn({ deltaY: -10, deltaMode: 0, ctrlKey: false }, [0, 0]);
  expect(state.crosshair.value).toEqual([34, 32, 32]);
});
