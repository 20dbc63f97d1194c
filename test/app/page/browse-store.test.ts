import { describe, expect, it } from 'vitest';
import { readPlace, writePlace } from '../../../src/app/page/browse-store.ts';
import { VolumeError } from '../../../src/errors.ts';
import type { Browsed, BrowsedCase } from '../../../src/report/browse.ts';
import { deferred, settled, world } from './fakes.ts';

function browsedCase(name: string): BrowsedCase {
  const file = `files/${name}`;
  return {
    name,
    images: [{ name, files: [`${file}.nii`] }],
    mask: { name, files: [`${file}_mask.nii`] },
    heatmaps: {
      tonno: { file: `${file}_tonno.nii`, thresholds: { low: 0.1, high: 0.3 } },
      cam: { file: `${file}_cam.nii`, sidecar: `${file}_cam.json` },
    },
  };
}

const study: Browsed = {
  title: 'A study',
  kind: 'study',
  series: [
    { id: 'tonno', title: 'ToNNO' },
    { id: 'cam', title: 'LayerCAM, layer 2' },
  ],
  cases: [
    browsedCase('one'),
    browsedCase('two'),
    {
      name: 'bare',
      images: [
        { name: 'bare', files: ['b/1', 'b/2'] },
        { name: 'pet', files: ['c.nii'] },
      ],
      heatmaps: {},
    },
  ],
  encoders: [],
  notes: [],
};

async function browsing(hash = '') {
  const made = world();
  made.server.browse(study);
  made.address.steps[0] = readPlace(hash);
  await made.store.browse.start();
  return made;
}

describe('looking through a study', () => {
  it('is alone where the server describes none', async () => {
    const { store, server } = world();
    await store.browse.start();
    expect(store.browse.mode.value).toBe('alone');
    server.files.set('browse.json', '<!doctype html>');
    await store.browse.start();
    expect(store.browse.mode.value).toBe('alone');
  });

  it('opens a case with its truth and the chosen heatmap, and the address says so', async () => {
    const { store, desk, address, server } = await browsing();
    expect(store.browse.mode.value).toBe('browsing');
    expect(server.asked).toEqual(['browse.json']);
    await store.browse.open('two');
    expect(desk.asked).toEqual([
      'open two.nii',
      'truth two_mask.nii',
      'heatmap two_tonno.nii as series:tonno',
      'choose series:tonno',
    ]);
    expect(store.opened.chosen.value).toBe('series:tonno');
    expect(address.steps).toEqual([{}, { name: 'two', series: 'tonno' }]);
  });

  it('fetches a series’ heatmap when it is looked at, once', async () => {
    const { store, desk, server, address } = await browsing('#case=one&series=cam');
    expect(store.opened.heatmaps.value.map(({ id }) => id)).toEqual(['series:cam']);
    expect(server.asked.filter((file) => file.includes('tonno'))).toEqual([]);
    store.browse.series.value = 'tonno';
    await settled();
    expect(store.opened.chosen.value).toBe('series:tonno');
    store.browse.series.value = 'cam';
    await settled();
    expect(store.opened.chosen.value).toBe('series:cam');
    expect(server.asked.filter((file) => file.endsWith('_cam.nii'))).toHaveLength(1);
    expect(desk.asked.filter((asked) => asked.startsWith('heatmap'))).toHaveLength(2);
    expect(address.read()).toEqual({ name: 'one', series: 'cam' });
  });

  it('ignores a heatmap that comes after another series was chosen', async () => {
    const { store, desk, server } = await browsing('#case=one&series=tonno');
    const wait = deferred<void>();
    server.held.set('files/one_cam.nii', wait.promise);
    store.browse.series.value = 'cam';
    await settled();
    store.browse.series.value = 'tonno';
    wait.resolve();
    await settled();
    expect(store.opened.chosen.value).toBe('series:tonno');
    expect(desk.asked).not.toContain('heatmap one_cam.nii as series:cam');
  });

  it('follows the address back, and does not fetch again what is open', async () => {
    const { store, address, server } = await browsing();
    await store.browse.open('one');
    store.browse.leave();
    expect(store.browse.current.value).toBeUndefined();
    address.steps.pop();
    const { length } = server.asked;
    await store.browse.follow();
    expect(store.browse.current.value).toBe('one');
    expect(server.asked).toHaveLength(length);
    address.steps.pop();
    await store.browse.follow();
    expect(store.browse.current.value).toBeUndefined();
  });

  it('shows the case that was asked for last', async () => {
    const { store, server } = await browsing();
    const wait = deferred<void>();
    server.held.set('files/one.nii', wait.promise);
    const first = store.browse.open('one');
    const second = store.browse.open('two');
    await second;
    wait.resolve();
    await first;
    expect(store.opened.info.value?.truth).toBe(true);
    expect(store.browse.current.value).toBe('two');
    expect(store.opened.heatmaps.value.map(({ id }) => id)).toEqual(['series:tonno']);
    expect(store.opened.generation.value).toBe(1);
  });

  it('tells channels and files of one volume apart', async () => {
    const { store, desk } = await browsing();
    await store.browse.open('bare');
    expect(desk.asked).toEqual(['open bare/1 as channels']);
    expect(store.browse.offered()).toEqual([]);
  });

  it('opens a refused case after all with its truth and heatmap', async () => {
    const { store, desk } = await browsing();
    const remedy = "Replace them, or have them read as 0 (nan: 'zero').";
    desk.openings.set('two.nii', Promise.reject(new VolumeError('two.nii', 'It has NaN.', { remedy })));
    await store.browse.open('two');
    expect(store.browse.current.value).toBeUndefined();
    desk.openings.clear();
    store.news.notices.value[0].remedy?.act();
    await settled();
    expect(store.browse.current.value).toBe('two');
    expect(desk.options.at(-1)).toEqual({ nan: 'zero' });
    expect(desk.asked.slice(-3)[0]).toBe('truth two_mask.nii');
    expect(store.opened.chosen.value).toBe('series:tonno');
  });

  it('says which file is gone, and stays at what was open', async () => {
    const { store, server } = await browsing('#case=one');
    server.files.delete('files/two.nii');
    await store.browse.open('two');
    expect(store.news.notices.value[0].failure).toMatchObject({
      subject: 'two.nii',
      problem: 'The server answered 404.',
    });
    expect(store.browse.current.value).toBe('one');
    expect(store.opened.opening.value).toBeUndefined();
    await store.browse.open('three');
    expect(store.news.notices.value.at(-1)?.failure.problem).toBe('There is no such case here.');
  });
});

it('an address holds any name', () => {
  const place = { name: 'a&b=c #ä', series: 'x y' };
  expect(readPlace(writePlace(place))).toEqual(place);
  expect(writePlace({})).toBe('');
});
