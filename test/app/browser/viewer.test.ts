/**
 * What a person does with a heatmap: thresholds, decisions, paint, and what is saved of it. The scan is a DICOM series
 * whose place in the world another program has read, so that whatever is saved must lie there.
 */
import { readFileSync } from 'node:fs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { decodeNifti } from '../../../src/formats/nifti.ts';
import type { Volume } from '../../../src/volume/volume.ts';
import { newFolder, temporaryFolder } from '../../support/cli.ts';
import { type App, openApp } from './support/app.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { DICOM_SERIES, writeTiny } from './support/inputs.ts';
import { pointText, segmentationPoints } from './support/segmentation.ts';
import { type Served, serve } from './support/server.ts';

const folder = temporaryFolder();
/** Rows of the affine to RAS+ as highdicom reads this series, and (D, H, W). */
const golden = JSON.parse(
  readFileSync(new URL('../../fixtures/dicom-seg/highdicom.json', import.meta.url), 'utf8'),
) as { shape: readonly number[]; affine: readonly number[] };

const lesionsIn = (list: readonly string[]) => list.length;

/** World points, RAS+, of what is marked. */
function pointsOf({ data, shape: [, height, width], geometry: { affine } }: Volume): string[] {
  const points: string[] = [];
  data.forEach((value, i) => {
    if (value === 0) return;
    const voxel = [i % width, Math.floor(i / width) % height, Math.floor(i / (width * height)), 1];
    const along = (row: number) => voxel.reduce((sum, v, column) => sum + affine[4 * row + column] * v, 0);
    points.push(pointText([along(0), along(1), along(2)]));
  });
  return points.sort();
}

/** Files that a button makes the browser download; the volume among them is read. */
async function saved(
  app: App,
  button: string,
): Promise<{ volume: Volume; sidecar: Record<string, unknown> }> {
  const files = await app.downloads(button === 'save-mask' ? 3 : 2, () => app.by(button).click());
  const [name, bytes] = [...files].find(([file]) => /\.nii(\.gz)?$/.test(file)) ?? ['', Buffer.of()];
  const [, sidecar] = [...files].find(([file]) => file.endsWith('.json')) ?? ['', Buffer.from('{}')];
  return { volume: (await decodeNifti(bytes, name)).volume, sidecar: JSON.parse(sidecar.toString()) };
}

describe.skipIf(!CHROMIUM)(`a heatmap in the viewer${withoutChromium}`, () => {
  let browser: Browser;
  let server: Served;
  let app: App;
  let heatmap: Volume;

  beforeAll(async () => {
    [browser, server] = await Promise.all([launch(), serve('app')]);
    app = await openApp(browser, server.address);
    await app.by('open-folder').setInputFiles(DICOM_SERIES);
    await app.by('plane-0').waitFor();
    await app.openEncoder(writeTiny(newFolder(folder)));
    await app.reconstruct({ method: 'tonno', preset: 'draft', directions: 12, slices: 8, device: 'cpu' });
    ({ volume: heatmap } = await saved(app, 'save-heatmap'));
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  /** Voxels above the lower threshold, in pieces that reach above the higher one, are counted here by hand. */
  const voxelsAbove = (low: number) => heatmap.data.reduce((sum, value) => sum + (value > low ? 1 : 0), 0);
  const range = () => {
    const values = [...heatmap.data].sort((a, b) => a - b);
    return {
      least: values[0],
      most: values[values.length - 1],
      at: (share: number) => values[Math.floor(share * (values.length - 1))],
    };
  };

  test('the heatmap lies where the scan lies', () => {
    expect(heatmap.shape).toEqual(golden.shape);
    expect(heatmap.geometry.affine.length).toBe(16);
    heatmap.geometry.affine.forEach((value, i) => {
      expect(value).toBeCloseTo(golden.affine[i], 3);
    });
  });

  test('thresholds change mask and list at once', async () => {
    const { at } = range();
    await app.set('low', at(0.6));
    await app.set('high', at(0.7));
    const wide = await saved(app, 'save-mask');
    await app.set('low', at(0.9));
    await app.set('high', at(0.95));
    const narrow = await saved(app, 'save-mask');
    const marked = ({ volume }: { volume: Volume }) =>
      volume.data.reduce((sum, value) => sum + (value > 0 ? 1 : 0), 0);
    expect(marked(narrow)).toBeGreaterThan(0);
    expect(marked(narrow)).toBeLessThan(marked(wide));
    expect(marked(wide)).toBeLessThanOrEqual(voxelsAbove(at(0.6)));
    expect(lesionsIn(await app.lesions())).toBeGreaterThan(0);
  });

  test('a rejected lesion is not saved, and comes back by undo', async () => {
    const before = await saved(app, 'save-mask');
    await app.by('lesion-1').getByRole('button', { name: /go to/i }).click();
    await app.by('reject').click();
    const without = await saved(app, 'save-mask');
    expect(pointsOf(without.volume).length).toBeLessThan(pointsOf(before.volume).length);
    await app.by('undo').click();
    const after = await saved(app, 'save-mask');
    expect(pointsOf(after.volume)).toEqual(pointsOf(before.volume));
    await app.by('redo').click();
    expect(pointsOf((await saved(app, 'save-mask')).volume)).toEqual(pointsOf(without.volume));
    await app.by('undo').click();
    await app.by('accept').click();
    const { sidecar } = await saved(app, 'save-mask');
    expect(JSON.stringify(sidecar)).toContain('accepted');
  });

  test('what is painted away is not saved, and comes back', async () => {
    const before = pointsOf((await saved(app, 'save-mask')).volume);
    const canvas = app.by('plane-0');
    const paint = async (tool: 'erase' | 'restore') => {
      await app.by(tool).check({ force: true });
      const box = await canvas.boundingBox();
      if (!box) throw new Error('The plane is not to be seen.');
      const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
      await app.page.mouse.move(x - 40, y);
      await app.page.mouse.down();
      await app.page.mouse.move(x + 40, y, { steps: 4 });
      await app.page.mouse.up();
    };
    // The crosshair, in the middle of the plane, is in the lesion that was gone to.
    await app.set('brush', 4);
    await paint('erase');
    await expect.poll(() => app.by('undo').isEnabled()).toBe(true);
    const { volume, sidecar } = await saved(app, 'save-mask');
    const erased = pointsOf(volume);
    expect(erased.length).toBeLessThan(before.length);
    expect(before).toEqual(expect.arrayContaining(erased));
    expect(sidecar).toMatchObject({ changedByHand: { any: true } });
    await app.set('brush', 40);
    await paint('restore');
    await expect.poll(async () => pointsOf((await saved(app, 'save-mask')).volume)).toEqual(before);
  });

  test('the DICOM Segmentation marks the points that the NIfTI mask marks', async () => {
    const { volume } = await saved(app, 'save-mask');
    const files = await app.downloads(2, () => app.by('save-seg').click());
    const [, bytes] = [...files].find(([file]) => file.endsWith('.dcm')) ?? ['', Buffer.of()];
    expect(segmentationPoints(bytes)).toEqual(pointsOf(volume));
  });

  test('nothing left the machine, and nothing went wrong', () => {
    expect(app.trouble).toEqual([]);
  });
});
