/** Pictures for a study's report: from heatmaps, masks and images on the disk to planes that can be looked at. */
import { dirname, join, resolve } from 'node:path';
import type { CohortCase } from '../../datasets/cohort.ts';
import { hysteresis } from '../../evaluation/binarisation.ts';
import { connectedComponents } from '../../evaluation/components.ts';
import { thresholdsOf } from '../../evaluation/protocol.ts';
import { renderCase, widestPlanes } from '../../report/case.ts';
import { type GridCase, renderComparison, renderSeeds, renderSettings } from '../../report/grids.ts';
import { drawMontage } from '../../report/montage.ts';
import { bestResult, layerTitle, resultTitle } from '../../report/results.ts';
import type { Picture } from '../../report/study.ts';
import type { Vector, Volume } from '../../volume/volume.ts';
import { readVolume } from '../volumes.ts';
import type { EncoderLogits } from './logits.ts';
import type { StoredStudy, StudySeries } from './stored.ts';

/** Figure 6: cases from the best to the worst, each by the best layer of every method. */
export async function drawGallery(
  study: StoredStudy,
  onCase: (done: number, total: number) => void,
): Promise<Picture[]> {
  const { series, record } = study;
  const [{ name: encoder }] = record.encoders;
  const own = series.filter((one) => one.encoder === encoder);
  const shown = bestOfEach(own);
  const ranked = rankedCases(study, shown);
  const chosen = evenly(ranked, record.experiment.report.gallery);
  const pictures: Picture[] = [];
  for (const [i, { row, dice }] of chosen.entries()) {
    const { image, truth, planes } = await openCase(study, row);
    const methods = [];
    for (const one of shown) {
      const heatmap = await open(one.heatmaps.get(row.name)!);
      const thresholds = thresholdsOf(one.evaluation, row.name);
      const { connectivity } = one.evaluation.settings;
      const segmentation =
        thresholds && hysteresis(heatmap.data, heatmap.shape, { ...thresholds, connectivity }).mask;
      methods.push({ label: titleOf(one), heatmap, segmentation });
    }
    const place = dice === undefined ? '' : `, mean Dice of these methods ${dice.toFixed(2)}`;
    pictures.push(
      renderCase({
        title: row.name,
        image,
        truth,
        planes,
        methods,
        caption: `${row.name}${place}. Three planes through its largest lesion. The segmentation is made with the thresholds of a fold that the case did not help to fit.`,
      }),
    );
    onCase(i + 1, chosen.length);
  }
  return pictures;
}

/** Figure 11: the case in the middle of the ranking by all methods and layers of the first encoder. */
export async function drawComparison(study: StoredStudy): Promise<Picture | undefined> {
  const { series, record } = study;
  const own = series.filter(({ encoder }) => encoder === record.encoders[0].name);
  const ranked = rankedCases(study, bestOfEach(own));
  if (ranked.length === 0) return undefined;
  const { row } = ranked[ranked.length >> 1];
  const layers = [...new Set(own.flatMap(({ layer }) => layer ?? []))];
  const methods = [];
  for (const title of new Set(own.map((one) => one.title))) {
    const ofMethod = own.filter((one) => one.title === title);
    const at = async (layer: string | undefined) => {
      const path = ofMethod.find((one) => one.layer === layer)?.heatmaps.get(row.name);
      return path === undefined ? undefined : await open(path);
    };
    const heatmap = await at(undefined);
    if (heatmap) methods.push({ label: title, heatmap });
    else methods.push({ label: title, heatmaps: await Promise.all(layers.map(at)) });
  }
  return renderComparison({ ...(await gridCase(study, row)), layers: layers.map(layerTitle), methods });
}

/** Figures 7 and 8, where they were asked for. */
export async function drawViews(study: StoredStudy): Promise<Picture[]> {
  const { folder, record, cohort } = study;
  if (record.views.length === 0) return [];
  const row = cohort.cases.find(({ name }) => name === record.views[0].case)!;
  const shown = await gridCase(study, row);
  const heatmapsOf = async (views: typeof record.views) => {
    const volumes: Volume[] = [];
    for (const { heatmap } of views) volumes.push(await open(join(folder, heatmap)));
    return volumes;
  };
  const pictures: Picture[] = [];
  const seeds = record.views.filter(({ kind }) => kind === 'seeds');
  if (seeds.length > 0) {
    pictures.push(
      renderSeeds({ ...shown, seeds: seeds.map(({ seed }) => seed), heatmaps: await heatmapsOf(seeds) }),
    );
  }
  const { grid } = record.experiment.report;
  if (grid) {
    const heatmaps: Volume[][] = [];
    for (const slices of grid.slices) {
      heatmaps.push(
        await heatmapsOf(record.views.filter((view) => view.kind === 'grid' && view.slices === slices)),
      );
    }
    pictures.push(renderSettings({ ...shown, ...grid, heatmaps }));
  }
  return pictures;
}

/** Figure 2b: logits of the slices along the axes of a case. */
export async function drawProfiles(
  study: StoredStudy,
  encoder: string,
  { case: name, axes }: EncoderLogits['profiles'],
): Promise<Picture | undefined> {
  const row = study.cohort.cases.find((one) => one.name === name);
  const own = study.series.filter((one) => one.encoder === encoder);
  const path = (own.find(({ method }) => method === 'tonno') ?? own[0])?.heatmaps.get(name);
  if (!row || path === undefined) return undefined;
  const { image, truth, planes } = await openCase(study, row);
  const canvas = drawMontage({
    title: `${encoder} on ${name}`,
    image,
    mask: truth,
    heatmap: await open(path),
    focus: planes,
    profiles: axes,
  });
  return {
    png: canvas.toPng(),
    width: canvas.width,
    height: canvas.height,
    alt: `Three planes of ${name}: image, heatmap, and the logits of the slices along each axis.`,
    caption: `${encoder}: the logits of the slices along the axes of ${name}, over its planes.`,
  };
}

interface OpenCase {
  readonly image: Volume;
  readonly truth?: Volume;
  /** Through the largest lesion. */
  readonly planes?: Vector;
}

async function openCase({ cohort }: StoredStudy, { images, mask }: CohortCase): Promise<OpenCase> {
  const at = (file: string) => resolve(dirname(cohort.name), file);
  const image = await open(at(images[0]));
  if (mask === undefined) return { image };
  const truth = await open(at(mask));
  const { labels, count, sizes } = connectedComponents(
    Uint8Array.from(truth.data, (value) => (value === 0 ? 0 : 1)),
    truth.shape,
  );
  const largest = 1 + sizes.indexOf(sizes.reduce((most, size) => Math.max(most, size), 0));
  const lesion = Uint8Array.from(labels, (label) => (label === largest ? 1 : 0));
  return { image, truth, planes: count > 0 ? widestPlanes(lesion, truth.shape) : undefined };
}

async function gridCase(study: StoredStudy, row: CohortCase): Promise<GridCase> {
  const { image, truth, planes } = await openCase(study, row);
  return { title: row.name, image, truth, axis: 0, index: planes?.[0] ?? image.shape[0] >> 1 };
}

async function open(path: string): Promise<Volume> {
  return (await readVolume(path, { nan: 'zero', int64: 'convert' })).volume;
}

/** The best layer of each method. */
function bestOfEach(series: readonly StudySeries[]): StudySeries[] {
  const titles = [...new Set(series.map(({ title }) => title))];
  return titles.map((title) => {
    const own = series.filter((one) => one.title === title);
    const results = own.map((one) => ({ ...one, method: title, baseline: false }));
    return own[results.indexOf(bestResult(results) as (typeof results)[number])];
  });
}

const titleOf = ({ title, layer }: StudySeries) => resultTitle({ method: title, layer });

/** Positive cases by the mean Dice of some series, the best first; by name where there is none. */
function rankedCases(
  { cases }: StoredStudy,
  series: readonly StudySeries[],
): { row: CohortCase; dice: number | undefined }[] {
  const ranked = cases.flatMap((row) => {
    const own = series.map(({ evaluation }) => evaluation.cases.find(({ name }) => name === row.name));
    if (own.some((result) => result?.label !== 1)) return [];
    const values = own.flatMap((result) => result?.metrics.dice ?? []);
    const dice =
      values.length > 0 ? values.reduce((sum, value) => sum + value, 0) / values.length : undefined;
    return [{ row, dice }];
  });
  return ranked.sort((a, b) => (b.dice ?? 0) - (a.dice ?? 0));
}

/** So many of a list at even distances, its first and last among them. */
function evenly<T>(list: readonly T[], count: number): T[] {
  if (list.length <= count) return [...list];
  return Array.from(
    { length: count },
    (_, i) => list[Math.round((i * (list.length - 1)) / Math.max(1, count - 1))],
  );
}
