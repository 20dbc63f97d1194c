/** Heatmaps that the page saved against those of the command line. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { filesIn, newFolder, succeed } from '../../../support/cli.ts';
import { readVolumeFile } from '../../../support/volumes.ts';
import type { App } from './app.ts';

export interface Saved {
  readonly path: string;
  readonly record: Readonly<Record<string, unknown>>;
}

/** Saves the heatmap that is looked at to a new folder in `parent`. */
export async function savedHeatmap(app: App, parent: string): Promise<Saved> {
  const files = await app.downloads(2, () => app.by('save-heatmap').click());
  const named = (pattern: RegExp) => [...files.keys()].find((name) => pattern.test(name)) ?? '';
  const [image, sidecar] = [named(/\.nii(\.gz)?$/), named(/\.json$/)];
  const path = join(newFolder(parent, 'saved-'), image);
  writeFileSync(path, files.get(image) ?? '');
  return { path, record: JSON.parse(String(files.get(sidecar))) };
}

/** What `tonno reconstruct` makes of a volume by the draft preset; options as it names them. */
export async function byCommandLine(
  parent: string,
  volume: string,
  options: Readonly<Record<string, string | number>>,
): Promise<string> {
  const out = newFolder(parent, 'cli-');
  const given = Object.entries({ preset: 'draft', ...options }).flatMap(([name, value]) => [
    `--${name}`,
    value,
  ]);
  await succeed(['reconstruct', volume, ...given, '--out', out]);
  return join(out, filesIn(out).find((name) => name.endsWith('.nii.gz')) ?? '');
}

/** Largest difference as a share of the range of what is expected. */
export async function difference(actual: string, expected: string): Promise<number> {
  const [a, b] = [await readVolumeFile(actual), await readVolumeFile(expected)];
  if (String(a.shape) !== String(b.shape)) throw new Error(`Shapes are ${a.shape} and ${b.shape}.`);
  let [low, high, worst] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0];
  for (let i = 0; i < b.data.length; i++) {
    low = Math.min(low, b.data[i]);
    high = Math.max(high, b.data[i]);
    worst = Math.max(worst, Math.abs(a.data[i] - b.data[i]));
  }
  // Of a heatmap without a range every share is infinite or no number, and fails.
  return worst / (high - low);
}
