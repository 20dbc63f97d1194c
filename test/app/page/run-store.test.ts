import { describe, expect, it } from 'vitest';
import { failureOf, RemoteError } from '../../../src/app/remote.ts';
import { DeviceError, EncoderError } from '../../../src/errors.ts';
import { encoderInfo, furnished, outcome, progress, settled, source, world } from './fakes.ts';

const values = (puts: readonly { data: Float32Array }[]) => puts.map(({ data }) => data[0]);

describe('a reconstruction', () => {
  it('shows estimates in their order and ends with the heatmap, under one id', async () => {
    const { store, desk, engine } = await furnished();
    const { opened, runs, encoder } = store;
    const done = store.runs.start();
    await settled();
    const [job] = engine.jobs;
    const before = opened.revision.value;
    job.told(progress(1));
    expect(runs.run.value?.progress?.done).toBe(1);
    expect(opened.revision.value).toBe(before);
    job.told(progress(2, 0.25));
    await settled();
    expect(opened.revision.value).toBe(before + 1);
    job.told(progress(4, 0.5));
    await settled();
    job.end.resolve(outcome(10, 0.75));
    await done;
    expect(values(desk.put)).toEqual([0.25, 0.5, 0.75]);
    expect(new Set(desk.put.map(({ id }) => id))).toEqual(new Set(['reconstruction-1']));
    expect(opened.revision.value).toBe(before + 3);
    expect(opened.chosen.value).toBe('reconstruction-1');
    expect(opened.heatmaps.value.map(({ maximum }) => maximum)).toEqual([0.75]);
    expect(runs.run.value).toBeUndefined();
    expect(runs.ended.value).toMatchObject({ done: 10, total: 10 });
    expect(encoder.engine.value?.title).toBe('WebAssembly with 2 threads');
  });

  it('leaves estimates out that the desk is too slow for, and never the last', async () => {
    const { store, desk, engine } = await furnished();
    const done = store.runs.start();
    await settled();
    for (const i of [1, 2, 3]) engine.jobs[0].told(progress(i, i));
    await settled();
    expect(values(desk.put)).toEqual([1, 3]);
    engine.jobs[0].told(progress(4, 4));
    engine.jobs[0].end.resolve(outcome(10, 9));
    await done;
    expect(values(desk.put).at(-1)).toBe(9);
  });

  it('says how far it is every few seconds', async () => {
    const { store, engine, clock } = await furnished();
    void store.runs.start();
    await settled();
    const { told } = engine.jobs[0];
    clock.time = 5000;
    told(progress(3));
    expect(store.news.said.value).toBe('The encoder small.onnx is open.');
    clock.time = 6000;
    told(progress(4));
    expect(store.news.said.value).toBe('4 of 10 angles done, about 6 s left.');
    clock.time = 7000;
    told(progress(5));
    expect(store.news.said.value).toMatch(/^4 of 10/);
  });

  it('is stopped, keeps what is there and goes on', async () => {
    const { store, desk, engine } = await furnished();
    const done = store.runs.start();
    await settled();
    await store.runs.stop();
    expect(store.runs.run.value?.stopping).toBe(true);
    engine.jobs[0].end.resolve(outcome(4, 0.5));
    await done;
    expect(store.runs.ended.value).toMatchObject({ done: 4, total: 10, id: 'reconstruction-1' });
    expect(store.news.said.value).toBe('Stopped after 4 angles of 10. What is there stays.');
    await settled();
    const more = store.runs.more(20);
    await settled();
    expect(engine.asked.at(-1)).toBe('more 20');
    engine.jobs[1].end.resolve({ ...outcome(30, 0.7), total: 30 });
    await more;
    expect(desk.put.at(-1)?.id).toBe('reconstruction-1');
    expect(store.runs.ended.value).toMatchObject({ done: 30, total: 30 });
  });

  it('is ended by a second one, whose heatmap is another', async () => {
    const { store, desk, engine } = await furnished();
    const first = store.runs.start();
    await settled();
    engine.jobs[0].told(progress(1, 0.1));
    await settled();
    store.change({ preset: 'draft' });
    const second = store.runs.start();
    await settled();
    engine.jobs[0].told(progress(5, 0.2));
    engine.jobs[0].end.resolve(outcome(5, 0.3));
    await first;
    expect(store.runs.run.value?.id).toBe('reconstruction-2');
    engine.jobs[1].end.resolve(outcome(10, 0.9));
    await second;
    expect(values(desk.put)).toEqual([expect.closeTo(0.1), expect.closeTo(0.9)]);
    expect(store.opened.heatmaps.value.map(({ id }) => id)).toEqual(['reconstruction-1', 'reconstruction-2']);
    expect(engine.jobs[1].settings?.preset).toBe('draft');
  });

  it('does not take a person away from another heatmap', async () => {
    const { store, engine } = await furnished();
    const first = store.runs.start();
    await settled();
    engine.jobs[0].end.resolve(outcome(10, 0.5));
    await first;
    const second = store.runs.start();
    await settled();
    engine.jobs[1].told(progress(1, 0.1));
    await settled();
    expect(store.opened.chosen.value).toBe('reconstruction-2');
    await store.opened.choose('reconstruction-1');
    engine.jobs[1].told(progress(2, 0.2));
    await settled();
    engine.jobs[1].end.resolve(outcome(10, 0.9));
    await second;
    expect(store.opened.chosen.value).toBe('reconstruction-1');
    expect(store.opened.heatmaps.value[1].maximum).toBeCloseTo(0.9);
  });

  it('is not listened to any more when another case is open', async () => {
    const { store, desk, engine } = await furnished();
    const run = store.runs.start();
    await settled();
    await store.take([source('spleen.nii')]);
    expect(engine.asked).toContain('stop');
    expect(store.runs.run.value).toBeUndefined();
    engine.jobs[0].told(progress(5, 0.5));
    engine.jobs[0].end.resolve(outcome(5, 0.5));
    await run;
    expect(desk.put).toEqual([]);
    expect(store.opened.heatmaps.value).toEqual([]);
    expect(store.runs.ended.value).toBeUndefined();
  });

  it('that fails leaves the case, the encoder and what was computed', async () => {
    const { store, engine } = await furnished();
    const run = store.runs.start();
    await settled();
    engine.jobs[0].told(progress(2, 0.5));
    await settled();
    engine.jobs[0].end.reject(new RemoteError(failureOf(new EncoderError('small.onnx', 'It has no.'))));
    await run;
    expect(store.opened.info.value?.name).toBe('liver.nii.gz');
    expect(store.opened.heatmaps.value.map(({ maximum }) => maximum)).toEqual([0.5]);
    expect(store.encoder.info.value).toEqual(encoderInfo);
    expect(store.news.notices.value.map(({ failure }) => failure.problem)).toEqual(['It has no.']);
    expect(store.runs.run.value).toBeUndefined();
  });

  it('whose device is lost shows what was measured and goes on from it', async () => {
    const { store, desk, engine } = await furnished();
    const run = store.runs.start();
    await settled();
    engine.measured = outcome(6, 0.6);
    engine.jobs[0].end.reject(new RemoteError(failureOf(new DeviceError('GPU', 'It is lost.'))));
    await run;
    expect(desk.put.map(({ id, data }) => [id, data[0]])).toEqual([
      ['reconstruction-1', expect.closeTo(0.6)],
    ]);
    expect(store.runs.ended.value).toMatchObject({ done: 6, total: 10 });
    const [{ remedy }] = store.news.notices.value;
    expect(remedy?.label).toBe('Go on');
    remedy?.act();
    await settled();
    expect(engine.asked.slice(-2)).toEqual(['reconstruct', 'more 0']);
    expect(store.news.notices.value).toEqual([]);
    engine.jobs[1].end.reject(new RemoteError(failureOf(new DeviceError('GPU', 'It is lost again.'))));
    await settled();
    expect(engine.asked.at(-1)).toBe('restart');
    expect(store.runs.ended.value).toBeUndefined();
    expect(store.opened.heatmaps.value).toHaveLength(1);
    expect(store.news.notices.value[0].remedy?.label).toBe('Start again with WebAssembly');
  });

  it('whose device fails at once starts the engine anew and offers to do without it', async () => {
    const { store, engine } = await furnished();
    const run = store.runs.start();
    await settled();
    engine.jobs[0].end.reject(new RemoteError(failureOf(new DeviceError('WebGPU', 'It is not there.'))));
    await run;
    expect(engine.asked.at(-1)).toBe('restart');
    store.news.notices.value[0].remedy?.act();
    await settled();
    expect(engine.asked.slice(-3)).toEqual(['restart', 'encoder small.onnx', 'reconstruct']);
    expect(engine.jobs[1].settings?.device).toBe('cpu');
    expect(store.news.notices.value).toEqual([]);
    expect(store.opened.info.value?.name).toBe('liver.nii.gz');
    engine.jobs[1].end.reject(new RemoteError(failureOf(new DeviceError('cpu', 'Nor that.'))));
    await settled();
    expect(store.news.notices.value[0].remedy).toBeUndefined();
  });

  it('that does not stop can be ended, and keeps what is shown', async () => {
    const { store, engine, clock } = await furnished();
    const run = store.runs.start();
    await settled();
    await engine.jobs[0].told(progress(2, 0.5));
    await store.runs.stop();
    expect(store.news.notices.value).toEqual([]);
    for (const call of clock.later) call();
    expect(store.news.notices.value[0].remedy?.label).toBe('Start it anew');
    store.news.notices.value[0].remedy?.act();
    expect(engine.asked.at(-1)).toBe('restart');
    engine.jobs[0].end.reject(new Error('It was started anew.'));
    await run;
    expect(store.runs.run.value).toBeUndefined();
    expect(store.opened.heatmaps.value).toHaveLength(1);

    const second = store.runs.start();
    await settled();
    await store.runs.stop();
    engine.jobs[1].end.resolve(outcome(4, 0.5));
    await second;
    store.news.clear();
    clock.later.at(-1)?.();
    expect(store.news.notices.value).toEqual([]);
  });

  it('tells the engine when an estimate was taken in', async () => {
    const { store, desk, engine } = await furnished();
    void store.runs.start();
    await settled();
    const taken = engine.jobs[0].told(progress(1, 0.5));
    expect(desk.put).toHaveLength(0);
    await taken;
    expect(desk.put).toHaveLength(1);
    expect(store.opened.heatmaps.value).toHaveLength(1);
    expect(engine.jobs[0].told(progress(2))).toBeUndefined();
  });

  it('needs an encoder, and one with layers for methods on maps', async () => {
    const { store, engine } = world();
    await store.take([source('liver.nii.gz')]);
    await store.runs.start();
    expect(store.news.notices.value[0].failure.problem).toMatch(/There is none yet/);
    engine.encoder = async () => ({ ...encoderInfo, layers: [], noLayers: 'It has no maps.' });
    await store.take([source('flat.onnx')]);
    store.change({ method: 'tomographic-cam' });
    await store.runs.start();
    expect(store.news.notices.value.map(({ failure }) => failure.problem)).toEqual(['It has no maps.']);
    expect(engine.jobs).toEqual([]);
  });

  it('makes the logit profiles when they are cheap', async () => {
    const { store, engine } = await furnished();
    const run = store.runs.start();
    await settled();
    engine.jobs[0].told(progress(2));
    engine.jobs[0].end.resolve(outcome(10, 1));
    await run;
    await settled();
    expect(engine.asked.at(-1)).toBe('profiles');
    expect(store.opened.profiles.value).toHaveLength(3);

    const slow = await furnished();
    const second = slow.store.runs.start();
    await settled();
    slow.engine.jobs[0].told({ ...progress(2), slicesPerSecond: 0.5 });
    slow.engine.jobs[0].end.resolve(outcome(10, 1));
    await second;
    await settled();
    expect(slow.engine.asked.at(-1)).toBe('reconstruct');
    await slow.store.runs.profiles();
    expect(slow.store.opened.profiles.value).toHaveLength(3);
  });
});
