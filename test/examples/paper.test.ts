/** The experiments of the paper's four data sets, read as `tonno experiment` reads them. */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { readExperiment } from '../../src/cli/study/experiment.ts';
import { planStudy } from '../../src/cli/study/plan.ts';
import type { pretrainedFiles } from '../../src/encoders/weights.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Appendix A.6; a ResNet-50 takes 40 % of them (section 3.6). */
const steps = { 'multiple-sclerosis': 250_000, autopet: 187_500, mosmed: 125_000, duke: 62_500 };

async function planned(name: string) {
  const file = resolve(root, 'examples', name, 'experiment.json');
  const experiment = await readExperiment(file);
  return { experiment, plan: planStudy(experiment, file) };
}

describe.each(Object.entries(steps))('the experiment of %s', (name, count) => {
  it('trains the networks of Tables 1 and 4 as A.6 says', async () => {
    const { experiment, plan } = await planned(name);
    expect(experiment.cohort).toBe(resolve(root, name, 'cohort.csv'));
    const weights = (file: keyof typeof pretrainedFiles) => resolve(root, `${file}.safetensors`);
    expect(
      [...plan.trainings].map(([encoder, t]) => [encoder, t.encoder, t.norm, t.pretrained, t.steps]),
    ).toEqual([
      ['R-10-T, FBN', 'resnet10t', 'frozen', weights('resnet10t'), count],
      ['R-10-T, BN', 'resnet10t', 'batch', weights('resnet10t'), count],
      ['R-10-T, GN', 'resnet10t', 'group', weights('resnet10t'), count],
      ['R-10-T, GN, NP', 'resnet10t', 'group', undefined, count],
      ['R-50, GN', 'resnet50', 'group', weights('resnet50_gn'), 0.4 * count],
    ]);
    for (const training of plan.trainings.values()) {
      expect(training).toMatchObject({
        size: 224,
        volumes: 2,
        slices: 120,
        lr: 5e-5,
        finalLr: 1e-7,
        warmUp: 0,
        width: 1,
        scale: 0.3,
        translation: 0.3,
        gain: 0.3,
        shift: 0.3,
      });
      // What is done to the values before is the cohort's to say.
      expect([training.normalise, training.inputScale, training.outside]).toEqual([
        undefined,
        undefined,
        undefined,
      ]);
    }
    expect(experiment.encoders.every((encoder) => encoder.weights === 'last')).toBe(true);
  });

  it('makes the heatmaps of Tables 2 and 5 with the settings of section 3.6', async () => {
    const { plan } = await planned(name);
    const kinds = plan.heatmaps.flatMap(({ options, plans }) =>
      plans.map(({ method, directions, slices, filter }) => {
        const maps = method === 'tonno' ? [] : [options.cam, options.layer];
        return [
          method,
          ...maps,
          ...(slices ? [directions, slices] : []),
          ...(method.startsWith('cam') ? [] : [filter]),
        ];
      }),
    );
    const layers = ['1', '2', '3', '4'];
    expect(kinds).toEqual([
      ['tonno', 2000, 100, 'second-difference'],
      ['cam', ['gradcam', 'layercam'], layers],
      ['cam-3axes', ['gradcam', 'layercam'], layers],
      ['averaged-cam', ['layercam'], layers, 1000, 100, 'none'],
      ['tomographic-cam', ['layercam'], layers, 1000, 100, 'second-difference'],
    ]);
    expect(plan.heatmaps.every(({ options }) => options.size === 224)).toBe(true);
    // Slices of the baseline are axial: axis 0 of what comes from NIfTI and DICOM.
    expect(plan.heatmaps[1].plans.map(({ axis }) => axis ?? 0)).toEqual([0, 0]);
  });

  it('evaluates over ten folds, the low threshold tuned on five masks', async () => {
    const { plan } = await planned(name);
    expect(plan.evaluation).toMatchObject({ folds: 10, masks: 5 });
  });
});
