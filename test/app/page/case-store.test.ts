import { describe, expect, it } from 'vitest';
import type { Opened } from '../../../src/app/protocol.ts';
import { VolumeError } from '../../../src/errors.ts';
import { caseInfo, deferred, furnished, heatmap, outcome, settled, source, world } from './fakes.ts';

describe('opening', () => {
  it('leaves what was open when it fails', async () => {
    const { store, desk } = world();
    await store.take([source('liver.nii.gz')]);
    await store.opened.show(heatmap(0.5, 'one'));
    const { value: generation } = store.opened.generation;
    desk.openings.set('letter.txt', Promise.reject(new VolumeError('letter.txt', 'It is no volume.')));
    await store.take([source('letter.txt')]);
    expect(store.opened.info.value?.name).toBe('liver.nii.gz');
    expect(store.opened.heatmaps.value.map(({ id }) => id)).toEqual(['one']);
    expect(store.opened.generation.value).toBe(generation);
    expect(store.opened.opening.value).toBeUndefined();
    expect(store.news.notices.value[0].failure).toMatchObject({
      subject: 'letter.txt',
      problem: 'It is no volume.',
      fault: false,
    });
  });

  it('of a second file waits for the first on the desk, and shows the second only', async () => {
    const { store, desk } = world();
    const slow = deferred<Opened>();
    desk.openings.set('slow.nii', slow.promise);
    const first = store.opened.open([source('slow.nii')]);
    await settled();
    const second = store.opened.open([source('quick.nii')]);
    await settled();
    expect(desk.asked).toEqual(['open slow.nii']);
    slow.resolve({ kind: 'case', info: caseInfo('slow.nii') });
    expect(await first).toBe(false);
    expect(await second).toBe(true);
    expect(desk.asked).toEqual(['open slow.nii', 'open quick.nii']);
    expect(store.opened.info.value?.name).toBe('quick.nii');
    expect(store.opened.generation.value).toBe(1);
  });

  it('of several series asks which, and opens that one', async () => {
    const { store, desk } = world();
    const series = [
      { uid: '1.2', title: 'CT' },
      { uid: '1.3', title: 'PET' },
    ];
    desk.openings.set('folder/a', Promise.resolve({ kind: 'choose', series }));
    await store.take([source('folder/a')]);
    expect(store.opened.choice.value?.series).toEqual(series);
    expect(store.opened.info.value).toBeUndefined();
    await store.opened.chooseSeries('1.3');
    expect(desk.asked).toEqual(['open folder/a', 'open folder/a 1.3']);
    expect(store.opened.choice.value).toBeUndefined();
    expect(store.opened.info.value?.name).toBe('folder/a');
  });

  it('asks before what a person changed is lost', async () => {
    const { store, desk, asked } = await furnished();
    store.viewerCalled('decide', [1, 'rejected']);
    expect(store.busy()).toBe(true);
    await store.take([source('spleen.nii')]);
    expect(asked).toHaveLength(1);
    expect(store.opened.info.value?.name).toBe('liver.nii.gz');
    store.viewerCalled('save', ['heatmap']);
    expect(store.busy()).toBe(true);
    store.viewerCalled('save', ['mask']);
    expect(store.busy()).toBe(false);
    await store.take([source('spleen.nii')]);
    expect(desk.asked.at(-1)).toBe('open spleen.nii');
    expect(store.opened.info.value?.name).toBe('spleen.nii');
  });

  it('offers to read a file after all where that is a choice', async () => {
    const { store, desk } = world();
    const nan = "Replace them, or have them read as 0 (nan: 'zero'; on the command line --nan zero).";
    desk.openings.set('nan.nii', Promise.reject(new VolumeError('nan.nii', 'It has NaN.', { remedy: nan })));
    await store.take([source('nan.nii')]);
    const [{ failure, remedy }] = store.news.notices.value;
    expect(failure.remedy).toBe('Replace them in the file, or have them read as 0.');
    desk.openings.clear();
    remedy?.act();
    await settled();
    expect(desk.options.at(-1)).toEqual({ nan: 'zero' });
    expect(store.opened.info.value?.name).toBe('nan.nii');
  });

  it('keeps an encoder apart from the volume that it was dropped with', async () => {
    const { store, desk, engine } = world();
    await store.take([source('scan/1.dcm'), source('Net.ONNX'), source('scan/2.dcm')]);
    expect(desk.asked).toEqual(['open scan/1.dcm']);
    expect(engine.asked).toEqual(['encoder Net.ONNX']);
    await store.take([source('only.onnx')]);
    expect(desk.asked).toHaveLength(1);
    await store.take([]);
    expect(store.news.notices.value[0].failure.problem).toBe('There is no file in it.');
  });
});

it('tells of heatmaps that the desk put away to make room', async () => {
  const { store, desk } = await furnished();
  await store.opened.show({ ...heatmap(0.5, 'first'), title: 'The first' });
  await store.opened.openHeatmap(source('x.nii'), { id: 'series:x', title: 'x' });
  desk.drop('first');
  desk.drop('series:x');
  await store.opened.show(heatmap(0.25, 'second'));
  expect(store.opened.heatmaps.value.map(({ id }) => id)).toEqual(['second']);
  expect(store.news.notices.value.map(({ failure }) => failure.subject)).toEqual(['The first']);
});

describe('a desk that stopped', () => {
  it('gets the volume, its truth and shared heatmaps back', async () => {
    const { store, desk } = await furnished();
    await store.opened.openTruth([source('mask.nii')]);
    const shared = new Float32Array(new SharedArrayBuffer(96)).fill(0.5);
    await store.opened.show({ ...heatmap(0, 'shared'), data: shared });
    await store.opened.show(heatmap(0.25, 'own'));
    store.viewerCalled('paint', []);
    desk.asked.length = 0;
    desk.put.length = 0;
    await store.deskStopped({ subject: 'The desk', problem: 'It stopped.', remedy: '', fault: false });
    expect(desk.asked.slice(0, 2)).toEqual(['open liver.nii.gz', 'truth mask.nii']);
    expect(desk.put.map(({ id }) => id)).toEqual(['shared']);
    expect(store.opened.info.value?.truth).toBe(true);
    expect(store.opened.chosen.value).toBe('shared');
    expect(store.news.notices.value.map(({ failure }) => failure.problem)).toEqual(['It stopped.']);
  });

  it('is not tried for ever', async () => {
    const { store, desk } = await furnished();
    desk.openings.set('liver.nii.gz', Promise.reject(new VolumeError('liver.nii.gz', 'It does not fit.')));
    await store.deskStopped({ subject: 'The desk', problem: 'It stopped.', remedy: '', fault: false });
    expect(store.opened.info.value).toBeUndefined();
    const { length } = desk.asked;
    await store.deskStopped({ subject: 'The desk', problem: 'It stopped.', remedy: '', fault: false });
    expect(desk.asked).toHaveLength(length);
  });
});

describe('the kept heatmap', () => {
  const visit = async () => {
    const first = await furnished();
    const run = first.store.runs.start();
    await settled();
    first.engine.jobs[0].end.resolve(outcome(7, 0.5));
    await run;
    return first.keeper;
  };

  it('is offered to the volume it was made of, with the thresholds that were laid on it', async () => {
    const first = await furnished();
    const run = first.store.runs.start();
    await settled();
    first.engine.jobs[0].end.resolve(outcome(7, 0.5));
    await run;
    first.store.viewerCalled('threshold', [{ low: 0.2, high: 0.4 }]);
    await settled();
    const { store, desk } = world({ keeper: first.keeper });
    await store.kept.start();
    expect(store.kept.about.value).toMatchObject({ caseName: 'liver.nii.gz', done: 7, total: 10 });
    await store.take([source('liver.nii.gz')]);
    await settled();
    expect(store.kept.offered.value).toBe(true);
    await store.kept.restore();
    expect(desk.put[0]).toMatchObject({
      id: 'kept',
      record: { made: 0.5 },
      thresholds: { low: 0.2, high: 0.4 },
    });
    expect([...desk.put[0].data]).toEqual(Array(24).fill(0.5));
  });

  it('is kept with the last of many thresholds', async () => {
    const { store, engine, keeper } = await furnished();
    const run = store.runs.start();
    await settled();
    engine.jobs[0].end.resolve(outcome(10, 0.5));
    await run;
    const amended: number[] = [];
    const amend = keeper.amend.bind(keeper);
    keeper.amend = async (thresholds) => {
      await settled();
      amended.push(thresholds.high);
      return amend(thresholds);
    };
    for (const high of [1, 2, 3, 4]) store.viewerCalled('threshold', [{ low: 0, high }]);
    await settled();
    await settled();
    await settled();
    expect(amended).toEqual([1, 4]);
    expect(keeper.kept?.about.thresholds).toEqual({ low: 0, high: 4 });
  });

  it('is not offered to other voxels under the same name, nor to another name', async () => {
    const keeper = await visit();
    const { store, desk } = world({ keeper });
    desk.voxels = Float32Array.from(desk.voxels, (value, i) => (i === 23 ? value + 1 : value));
    await store.kept.start();
    await store.take([source('liver.nii.gz')]);
    await settled();
    expect(store.kept.offered.value).toBe(false);
    await store.take([source('other.nii.gz')]);
    await settled();
    expect(store.kept.offered.value).toBe(false);
  });

  it('is forgotten when a person says so, and not made where nothing is to be kept', async () => {
    const keeper = await visit();
    const { store } = world({ keeper });
    await store.kept.start();
    await store.kept.forget();
    expect(keeper.kept).toBeUndefined();
    const second = await furnished({ keeper });
    await second.store.kept.want(false);
    const run = second.store.runs.start();
    await settled();
    second.engine.jobs[0].end.resolve(outcome(10, 0.5));
    await run;
    expect(keeper.kept).toBeUndefined();
  });

  it('that cannot be kept stops nothing and is said', async () => {
    const { store, engine, keeper } = await furnished();
    keeper.save = async () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
    const run = store.runs.start();
    await settled();
    engine.jobs[0].end.resolve(outcome(10, 0.5));
    await run;
    expect(store.opened.heatmaps.value).toHaveLength(1);
    expect(store.kept.reason.value).toMatch(/save it/);
    expect(store.news.notices.value).toEqual([]);
  });
});
