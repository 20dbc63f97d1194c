/** What each action of the keyboard does to the viewer's state. */
import { stepInView } from './coordinates.ts';
import type { KeyAction } from './keys.ts';
import type { Tool, ViewerState } from './state.ts';

const OPACITY_STEP = 0.1;
const BRUSH_STEP = 1.25;
const ZOOM_STEP = 1.4;

type Actions = Readonly<Record<Exclude<KeyAction, 'keys'>, (state: ViewerState) => void>>;

const inView = (right: number, down: number) => (state: ViewerState) =>
  state.moveTo(stepInView(state.info.views[state.plane.peek()], state.crosshair.peek(), right, down));

const slice = (target: (index: number, last: number) => number) => (state: ViewerState) => {
  const axis = state.plane.peek();
  state.moveToSlice(axis, target(state.crosshair.peek()[axis], state.info.shape[axis] - 1));
};

const take = (tool: Tool) => (state: ViewerState) => {
  state.tool.value = tool;
};

const opaquer = (by: number) => (state: ViewerState) => state.setOpacity(state.opacity.peek() + by);

export const ACTIONS: Actions = {
  left: inView(-1, 0),
  right: inView(1, 0),
  up: inView(0, -1),
  down: inView(0, 1),
  forward: slice((index) => index + 1),
  back: slice((index) => index - 1),
  first: slice(() => 0),
  last: slice((_, last) => last),
  'zoom-in': (state) => state.zoomBy(ZOOM_STEP, () => state.crosshair.peek()),
  'zoom-out': (state) => state.zoomBy(1 / ZOOM_STEP, () => state.crosshair.peek()),
  'next-lesion': (state) => state.step(1),
  'previous-lesion': (state) => state.step(-1),
  accept: (state) => state.decide('accepted'),
  reject: (state) => state.decide('rejected'),
  undecide: (state) => state.decide(undefined),
  look: take('look'),
  erase: take('erase'),
  restore: take('restore'),
  paint: (state) => {
    state.paint(state.crosshair.peek());
    state.endStroke();
  },
  undo: (state) => state.undo(),
  redo: (state) => state.redo(),
  mask: ({ maskShown }) => {
    maskShown.value = !maskShown.peek();
  },
  truth: ({ truthShown }) => {
    truthShown.value = !truthShown.peek();
  },
  heatmap: ({ heatmapShown }) => {
    heatmapShown.value = !heatmapShown.peek();
  },
  'less-opaque': opaquer(-OPACITY_STEP),
  'more-opaque': opaquer(OPACITY_STEP),
  'smaller-brush': (state) => state.setBrush(state.brush.peek() / BRUSH_STEP),
  'larger-brush': (state) => state.setBrush(state.brush.peek() * BRUSH_STEP),
};
