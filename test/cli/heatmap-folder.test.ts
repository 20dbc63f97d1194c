/** Which heatmaps of a folder belong together, and to which case. */
import { writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, test } from 'vitest';
import { caseStem } from '../../src/cli/case-names.ts';
import { findHeatmaps } from '../../src/cli/heatmap-folder.ts';
import type { CohortCase } from '../../src/datasets/cohort.ts';
import { newFolder, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const rows = (...names: string[]): CohortCase[] =>
  names.map((name, i) => ({
    name,
    patient: name,
    split: 'validation',
    labels: [i % 2],
    images: ['x.nii'],
    line: i + 2,
  }));

/** A folder with empty heatmaps of each case; records where they are given. */
function heatmaps(
  cases: readonly CohortCase[],
  series: Readonly<Record<string, object | undefined>>,
): string {
  const made = newFolder(folder);
  for (const { name } of cases) {
    for (const [own, record] of Object.entries(series)) {
      const stem = join(made, `${caseStem(name)}_${own}_heatmap`);
      writeFileSync(`${stem}.nii.gz`, '');
      if (record) writeFileSync(`${stem}.json`, JSON.stringify(record));
    }
  }
  return made;
}

test('each heatmap goes to the case whose name it begins with, the longest of those that fit', async () => {
  const cases = rows('a', 'a_desc-b', 'a b/c', 'aa');
  const made = heatmaps(cases, { 'desc-tonno': undefined });
  const [one, ...others] = await findHeatmaps(made, { name: 'c.csv', cases }, cases);
  expect(others).toEqual([]);
  const files = Object.fromEntries([...one.heatmaps].map(([name, path]) => [name, basename(path)]));
  expect(files).toEqual({
    a: 'a_desc-tonno_heatmap.nii.gz',
    'a_desc-b': 'a_desc-b_desc-tonno_heatmap.nii.gz',
    'a b/c': 'a%20b%2Fc_desc-tonno_heatmap.nii.gz',
    aa: 'aa_desc-tonno_heatmap.nii.gz',
  });
});

test('those of cases that were not chosen are left alone, whatever is missing of them', async () => {
  const cases = rows('a', 'b', 'a_desc-b');
  const made = heatmaps(cases.slice(1), { 'desc-tonno': undefined });
  const [one] = await findHeatmaps(made, { name: 'c.csv', cases }, [cases[1]]);
  expect([...one.heatmaps.keys()]).toEqual(['b']);
});

test('series come in the order of the paper’s tables, with what is known of them', async () => {
  const cases = rows('a', 'b');
  const maps = (method: string, layer: string, more = {}) => ({
    method,
    cam: 'layercam',
    layer: { name: layer, tensor: `t${layer}` },
    ...more,
  });
  const made = heatmaps(cases, {
    'desc-mine': undefined,
    'desc-tomographic-cam_cam-layercam_layer-10': maps('tomographic-cam', '10'),
    'desc-tomographic-cam_cam-layercam_layer-2': maps('tomographic-cam', '2'),
    'desc-tomographic-cam_cam-layercam_layer-2_filter-hann-0.5': maps('tomographic-cam', '2', {
      filter: 'hann:0.5',
      filteredFrom: 'a_profiles.npy',
    }),
    // The name of the file holds what it may; the record says how the layer is really called.
    'desc-averaged-cam_cam-layercam_layer-layers-1': maps('averaged-cam', '/layers/1'),
    'desc-tonno': { method: 'tonno' },
    'desc-cam-3axes_cam-gradcam_layer-1': undefined,
    'desc-cam_cam-layercam_layer-1': maps('cam', '1'),
    'desc-cam_cam-gradcam_layer-a_b': undefined,
  });
  const found = await findHeatmaps(made, { name: 'c.csv', cases }, cases);
  expect(found.map(({ title, layer, filter }) => [title, layer, filter])).toEqual([
    ['GradCAM', 'a_b', undefined],
    ['LayerCAM', '1', undefined],
    ['GradCAM, 3 axes', '1', undefined],
    ['ToNNO', undefined, undefined],
    ['Averaged LayerCAM', '/layers/1', undefined],
    ['Tomographic LayerCAM', '2', undefined],
    ['Tomographic LayerCAM (hann:0.5)', '2', 'hann:0.5'],
    ['Tomographic LayerCAM', '10', undefined],
    ['mine', undefined, undefined],
  ]);
  expect(found.flatMap(({ notes }) => notes)).toEqual([]);
});
