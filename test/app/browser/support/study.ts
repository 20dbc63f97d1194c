/** A finished study, small enough to be made while a browser starts: eight phantoms, two kinds of heatmaps. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { succeed } from '../../../support/cli.ts';
import { PHANTOM_ENCODER } from './inputs.ts';

export const STUDY_TITLE = 'A small study';
export const STUDY_CASES = 8;

/** The study's folder. */
export async function makeStudy(parent: string): Promise<string> {
  const heatmaps = { size: 64, directions: 6, slices: 8 };
  const experiment = {
    title: STUDY_TITLE,
    cohort: { phantom: { train: 2, validation: STUDY_CASES, size: 40, seed: 3 } },
    encoders: [{ name: 'Small', file: PHANTOM_ENCODER }],
    heatmaps: [
      { method: 'tonno', ...heatmaps },
      { method: 'tomographic-cam', cam: 'layercam', layer: '1', ...heatmaps },
    ],
    evaluation: { folds: 3 },
    report: { gallery: 1 },
  };
  const file = join(parent, 'experiment.json');
  writeFileSync(file, JSON.stringify(experiment));
  const out = join(parent, 'study');
  await succeed(['experiment', file, '--out', out]);
  return out;
}
