/** `tonno view` on a finished study: its table, a case in the viewer, and another kind of heatmap over it. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newFolder, temporaryFolder } from '../../support/cli.ts';
import { violations } from './support/accessibility.ts';
import { type App, openApp } from './support/app.ts';
import { CHROMIUM, launch, withoutChromium } from './support/chromium.ts';
import { type Served, serve } from './support/server.ts';
import { makeStudy, STUDY_CASES, STUDY_TITLE } from './support/study.ts';

const folder = temporaryFolder();

describe.skipIf(!CHROMIUM)(`tonno view${withoutChromium}`, () => {
  let browser: Browser;
  let server: Served;
  let app: App;

  beforeAll(async () => {
    const study = makeStudy(newFolder(folder));
    [browser, server] = await Promise.all([launch(), study.then((path) => serve('view', path))]);
    app = await openApp(browser, server.address);
    await app.by('case-table').waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });

  const cases = () => app.page.locator('button[data-testid^="case-"]');
  const names = () => cases().allInnerTexts();

  test('shows every case of the study', async () => {
    expect(await app.page.locator('body').innerText()).toContain(STUDY_TITLE);
    expect(await names()).toHaveLength(STUDY_CASES);
  });

  test('sorts by a column, either way', async () => {
    const header = app.by('case-table').getByRole('columnheader', { name: /maximum/i });
    await header.getByRole('button').click();
    const once = await names();
    await header.getByRole('button').click();
    const twice = await names();
    expect(once).toHaveLength(STUDY_CASES);
    expect(twice).toEqual([...once].reverse());
    expect(await header.getAttribute('aria-sort')).toMatch(/ascending|descending/);
  });

  test('is narrowed down by words, and by what went wrong', async () => {
    await app.by('filter').fill('-003');
    await expect.poll(names).toEqual(['validation-003']);
    await app.by('filter').fill('');
    await expect.poll(() => cases().count()).toBe(STUDY_CASES);
    const kind = app.by('filter-kind');
    const kinds = await kind
      .locator('option')
      .evaluateAll((options) =>
        options.map((option) => [(option as HTMLOptionElement).value, option.textContent ?? '']),
      );
    expect(kinds.length).toBeGreaterThan(1);
    for (const [value, title] of kinds) {
      await kind.selectOption(value);
      const [, count] = /\((\d+)\)$/.exec(title) ?? [];
      await expect.poll(() => cases().count()).toBe(Number(count));
    }
    await kind.selectOption('all');
  });

  test.each(['light', 'dark'] as const)('the table is accessible in %s', async (scheme) => {
    expect(await violations(app.page, scheme)).toEqual([]);
  });

  test('opens a case with its heatmap and its truth', async () => {
    const [first] = (await names()).toSorted();
    await app.by(`case-${first}`).click();
    await app.by('plane-0').waitFor();
    await app.by('lesions').waitFor();
    expect(await app.by('show-truth').isEnabled()).toBe(true);
  });

  test.each(['light', 'dark'] as const)('the viewer is accessible in %s', async (scheme) => {
    expect(await violations(app.page, scheme)).toEqual([]);
  });

  test('switches to another kind of heatmap', async () => {
    const before = await app.picture(0);
    const choice = app.by('series-choice');
    const now = await choice.inputValue();
    const values = await choice
      .locator('option')
      .evaluateAll((all) => all.map((option) => (option as HTMLOptionElement).value));
    expect(values).toHaveLength(2);
    await choice.selectOption(values.find((value) => value !== now) ?? '');
    await expect.poll(() => app.picture(0)).not.toEqual(before);
  });

  test('renders the case in 3D, by code that is fetched then', async () => {
    const before = app.fetched.size;
    await app.by('render').click();
    const canvas = app.by('render-canvas');
    await canvas.waitFor();
    expect(app.fetched.size).toBeGreaterThan(before);
    // A picture of one colour packs to next to nothing.
    await expect
      .poll(async () => (await canvas.screenshot()).length, { timeout: 20_000 })
      .toBeGreaterThan(10_000);
    expect(await app.by('error').count()).toBe(0);
    await app.by('render').click();
  });

  test('nothing left the machine, and nothing went wrong', () => {
    expect(app.trouble).toEqual([]);
  });
});
