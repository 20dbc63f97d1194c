/** What keys do to the state: each as its row in the table of keys says. */
import { signal } from '@preact/signals';
import type { Remote } from 'comlink';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { CaseInfo, DeskApi } from '../../../src/app/protocol.ts';
import { ACTIONS } from '../../../src/app/viewer/actions.ts';
import { KEYS } from '../../../src/app/viewer/keys.ts';
import { ViewerState } from '../../../src/app/viewer/state.ts';
import { planeView } from '../../../src/report/planes.ts';

/** RAS+: axial planes along axis 0; the patient's right and front, where indices are large, are on the left and on top. */
const affine = [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1];
const info: CaseInfo = {
  name: 'case',
  shape: [10, 20, 30],
  channels: 1,
  geometry: { affine },
  spacing: [2, 2, 2],
  format: 'NIfTI',
  dicom: false,
  notes: [],
  windows: [{ low: 0, high: 1, minimum: 0, maximum: 1 }],
  views: [planeView({ affine }, 0), planeView({ affine }, 1), planeView({ affine }, 2)],
  truth: false,
};
let state: ViewerState;
const desk: Pick<DeskApi, 'probe'> = { probe: async () => ({ world: [0, 0, 0], values: [0] }) };

beforeEach(() => {
  state = new ViewerState({
    desk: desk as Remote<DeskApi>,
    info,
    heatmaps: signal([]),
    chosen: signal(undefined),
    revision: signal(0),
    onFailure: (failure) => expect.unreachable(failure.problem),
    onSay: () => {},
  });
});

afterEach(() => state.dispose());

it('there is one for every key but the list’s own', () => {
  const actions = KEYS.map(({ action }) => action).filter((action) => action !== 'keys');
  expect(Object.keys(ACTIONS).sort()).toEqual(actions.sort());
});

it('arrows move in the plane as it is seen, from side to side and not beyond', () => {
  const after = (...actions: ('left' | 'right' | 'up' | 'down')[]) => {
    state.moveTo([5, 10, 15]);
    for (const action of actions) ACTIONS[action](state);
    return state.crosshair.value;
  };
  expect(after('left')).toEqual([5, 10, 16]);
  expect(after('right', 'right')).toEqual([5, 10, 13]);
  // Up is to the front, where indices of axis 1 are large.
  expect(after('up')).toEqual([5, 11, 15]);
  expect(after('down')).toEqual([5, 9, 15]);
  expect(after(...Array(40).fill('right'))).toEqual([5, 10, 0]);
  state.plane.value = 1;
  expect(after('up')).toEqual([6, 10, 15]);
});

it('slices go by along the plane’s own axis', () => {
  state.moveTo([5, 10, 15]);
  ACTIONS.forward(state);
  expect(state.crosshair.value).toEqual([6, 10, 15]);
  ACTIONS.last(state);
  ACTIONS.forward(state);
  expect(state.crosshair.value).toEqual([9, 10, 15]);
  state.plane.value = 2;
  ACTIONS.first(state);
  ACTIONS.back(state);
  expect(state.crosshair.value).toEqual([9, 10, 0]);
});

it('what is shown is turned on and off, and more or less opaque, from 0 to 1', () => {
  for (const action of ['heatmap', 'mask', 'truth'] as const) ACTIONS[action](state);
  expect([state.heatmapShown.value, state.maskShown.value, state.truthShown.value]).toEqual([
    false,
    false,
    false,
  ]);
  ACTIONS.mask(state);
  expect(state.maskShown.value).toBe(true);
  for (let i = 0; i < 3; i++) ACTIONS['less-opaque'](state);
  expect(state.opacity.value).toBeCloseTo(0.7, 9);
  for (let i = 0; i < 9; i++) ACTIONS['more-opaque'](state);
  expect(state.opacity.value).toBe(1);
});

it('tools are taken up and put away, and the brush has its limits', () => {
  ACTIONS.erase(state);
  expect(state.tool.value).toBe('erase');
  ACTIONS.restore(state);
  expect(state.tool.value).toBe('restore');
  ACTIONS.look(state);
  expect(state.tool.value).toBe('look');
  const radius = state.brush.value;
  ACTIONS['larger-brush'](state);
  ACTIONS['larger-brush'](state);
  ACTIONS['smaller-brush'](state);
  expect(state.brush.value).toBeCloseTo(1.25 * radius, 9);
  for (let i = 0; i < 60; i++) ACTIONS['larger-brush'](state);
  expect(state.brush.value).toBe(40);
  for (let i = 0; i < 60; i++) ACTIONS['smaller-brush'](state);
  expect(state.brush.value).toBe(0.5);
});

it('zooming keeps the crosshair in the middle, and ends at the whole picture', () => {
  state.moveTo([3, 4, 5]);
  ACTIONS['zoom-in'](state);
  expect(state.zoom.value).toBeCloseTo(1.4, 9);
  expect(state.centre.value).toEqual([3, 4, 5]);
  for (let i = 0; i < 5; i++) ACTIONS['zoom-out'](state);
  expect(state.zoom.value).toBe(1);
});
