/** What the viewer knows, with a real desk behind it and no page. */
import { signal } from '@preact/signals';
import type { Remote } from 'comlink';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Desk } from '../../../src/app/desk/desk.ts';
import type { CaseInfo, DeskApi, HeatmapInfo } from '../../../src/app/protocol.ts';
import { short, ViewerState, volumeText } from '../../../src/app/viewer/state.ts';

let desk: Desk;
let info: CaseInfo;
let state: ViewerState;
const heatmaps = signal<readonly HeatmapInfo[]>([]);
const chosen = signal<string | undefined>(undefined);
const revision = signal(0);
const failures: unknown[] = [];
const said: string[] = [];

async function put(id: string, scale = 1): Promise<void> {
  const { data } = await desk.volume();
  await desk.putHeatmap({ id, title: id, data: data.map((value) => scale * (value - 1.2)), record: {} });
  heatmaps.value = await desk.heatmaps();
  chosen.value = id;
  revision.value++;
}

const settled = (check: () => void) => vi.waitFor(check, { timeout: 5000, interval: 5 });

beforeEach(async () => {
  desk = new Desk();
  info = await desk.phantom();
  heatmaps.value = [];
  chosen.value = undefined;
  failures.length = 0;
  said.length = 0;
  state = new ViewerState({
    // In a worker every answer is a promise, as the desk's own are here.
    desk: desk as unknown as Remote<DeskApi>,
    info,
    heatmaps,
    chosen,
    revision,
    onFailure: (failure) => failures.push(failure),
    onSay: (sentence) => said.push(sentence),
  });
});

afterEach(() => {
  state.dispose();
  expect(failures).toEqual([]);
});

describe('thresholds', () => {
  it('begin as the heatmap says, and what a person sets stays under new estimates', async () => {
    await put('a');
    await settled(() => expect(state.list.value?.lesions.length).toBeGreaterThan(0));
    expect(state.thresholds.value).toEqual(heatmaps.value[0].thresholds);
    await put('a', 2);
    await settled(() => expect(state.thresholds.value).toEqual(heatmaps.value[0].thresholds));
    state.setThreshold('high', 1.5);
    await put('a', 1);
    await settled(() => expect(state.list.value?.high).toBe(1.5));
    expect(state.thresholds.value.high).toBe(1.5);
  });

  it('give way to one another, so that τ′ is never above τ', async () => {
    await put('a');
    state.setThreshold('high', 0.2);
    expect(state.thresholds.value.low).toBeLessThanOrEqual(0.2);
    state.setThreshold('low', 0.7);
    expect(state.thresholds.value).toEqual({ low: 0.7, high: 0.7 });
  });

  it('are timed until all three planes show their lesions, and not some before', async () => {
    await put('a');
    await settled(() => expect(state.list.value?.high).toBe(heatmaps.value[0].thresholds.high));
    performance.clearMeasures('tonno-threshold');
    const measured = () => performance.getEntriesByName('tonno-threshold').length;
    const before = state.version.value;
    state.setThreshold('high', 1.1);
    for (const axis of [0, 1, 2] as const) state.drawn(axis, before);
    await settled(() => expect(state.list.value?.high).toBe(1.1));
    for (const axis of [0, 1, 2] as const) state.drawn(axis, before);
    state.drawn(0, state.version.value);
    state.drawn(0, state.version.value);
    state.drawn(2, state.version.value);
    expect(measured()).toBe(0);
    state.drawn(1, state.version.value);
    expect(measured()).toBe(1);
    expect(performance.getEntriesByName('tonno-threshold')[0].duration).toBeGreaterThan(0);
    state.drawn(1, state.version.value);
    expect(measured()).toBe(1);
  });

  it('are those of the heatmap that is chosen', async () => {
    await put('a');
    state.setThreshold('high', 0.9);
    await put('b', 3);
    expect(state.thresholds.value).toEqual(heatmaps.value.find(({ id }) => id === 'b')?.thresholds);
    await desk.chooseHeatmap('a');
    chosen.value = 'a';
    expect(state.thresholds.value.high).toBe(0.9);
  });
});

describe('lesions', () => {
  it('are gone to one after the other, round about, and judged', async () => {
    await put('a');
    state.setThreshold('high', 1);
    state.setThreshold('low', 0.8);
    await settled(() => expect(state.list.value?.lesions.length).toBeGreaterThan(1));
    const lesions = state.list.value?.lesions ?? [];
    state.step(1);
    expect(state.crosshair.value).toEqual(lesions[0].peak);
    state.step(-1);
    expect(state.crosshair.value).toEqual(lesions.at(-1)?.peak);
    state.step(1);
    state.decide('rejected');
    await settled(() => expect(state.list.value?.lesions[0].decision).toBe('rejected'));
    state.undo();
    await settled(() => expect(state.list.value?.lesions[0].decision).toBeUndefined());
    expect(said.some((sentence) => sentence.includes('rejected'))).toBe(true);
  });

  it('are painted away by strokes that are undone as a whole', async () => {
    await put('a');
    await settled(() => expect(state.list.value?.lesions.length).toBeGreaterThan(0));
    const [{ peak }] = state.list.value?.lesions ?? [];
    state.tool.value = 'erase';
    state.brush.value = 6;
    for (let step = 0; step < 5; step++) state.paint([peak[0], peak[1], peak[2] + step]);
    state.endStroke();
    await settled(() => expect(state.list.value?.painted).toBeGreaterThan(100));
    // Both ends of the stroke were reached.
    const gone = async (w: number) => (await desk.probe([peak[0], peak[1], w])).lesion ?? 0;
    await settled(() => expect(state.list.value?.canUndo).toBe(true));
    expect(await gone(peak[2])).toBe(0);
    expect(await gone(peak[2] + 4)).toBe(0);
    // A stroke after the pointer was lifted is a step of its own.
    const first = state.list.value?.painted ?? 0;
    state.paint([peak[0], peak[1], peak[2] - 8]);
    state.endStroke();
    await settled(() => expect(state.list.value?.painted).toBeGreaterThan(first));
    state.undo();
    await settled(() => expect(state.list.value?.painted).toBe(first));
    state.undo();
    await settled(() => expect(state.list.value?.painted).toBe(0));
    expect(state.list.value?.canUndo).toBe(false);
  });
});

it('the crosshair stays in the volume and is asked about', async () => {
  state.moveTo([-5, 3.4, 900]);
  expect(state.crosshair.value).toEqual([0, 3, 63]);
  await settled(() => expect(state.probe.value?.values).toHaveLength(1));
});

it('numbers are short, volumes in what they are said in', () => {
  expect([short(1234.56), short(0.000123456), short(Number.NaN)]).toEqual(['1235', '0.0001235', '–']);
  expect([volumeText(512.4), volumeText(23_120)]).toEqual(['512 mm³', '23.12 ml']);
});
