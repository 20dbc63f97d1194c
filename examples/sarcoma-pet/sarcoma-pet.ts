/**
 * A weak-label study on a public PET set: sarcomas found by an encoder that was told of slabs of scans only whether there is any.
 *
 *     npm run example -- sarcoma-pet cohort --data data_sets/ibsi_validation/nifti [--out sarcoma] [--seed 0]
 *     npm run example -- sarcoma-pet baselines [--cohort sarcoma/cohort.csv]
 */
import { parseArgs } from 'node:util';
import { evaluate, metrics, TonnoError, UsageError } from 'tonno';
import {
  bestThresholdDice,
  boundingBox,
  loadSlabs,
  meanMask,
  relativeUptake,
  rivalCases,
  scoreAuc,
  scores,
  thresholdDice,
  uptake,
} from './baselines.ts';
import { defaults, writeSlabCohort } from './cohort.ts';

const { values, positionals } = parseArgs({
  options: {
    data: { type: 'string' },
    out: { type: 'string', default: 'sarcoma' },
    seed: { type: 'string', default: String(defaults.seed) },
    cohort: { type: 'string', default: 'sarcoma/cohort.csv' },
  },
  allowPositionals: true,
});
const commands: Readonly<Record<string, () => Promise<void>>> = { cohort, baselines };
try {
  const command = commands[positionals.join(' ')];
  if (!command) {
    const given =
      positionals.length === 0 ? 'Nothing is to be done.' : `There is no ${positionals.join(' ')}.`;
    throw new UsageError('sarcoma-pet', given, {
      remedy: `Give one of ${Object.keys(commands).join(', ')}.`,
    });
  }
  await command();
} catch (error) {
  const { code, message } = error as NodeJS.ErrnoException;
  if (!(error instanceof TonnoError || code === 'ENOENT')) throw error;
  console.error(message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function cohort(): Promise<void> {
  const { data, out, seed } = values;
  if (data === undefined || !/^\d+$/.test(seed)) {
    throw new UsageError(
      'sarcoma-pet cohort',
      'It needs the folder with the scans, and a whole number for a seed.',
      {
        remedy: 'Give --data FOLDER, which holds STS_001 and others.',
      },
    );
  }
  const { name, cases } = await writeSlabCohort(data, out, { ...defaults, seed: Number(seed) });
  for (const split of ['train', 'validation']) {
    const rows = cases.filter((row) => row.split === split);
    const positives = rows.filter(({ labels }) => labels[0] === 1).length;
    const patients = new Set(rows.map(({ patient }) => patient)).size;
    console.log(
      `${split}: ${patients} patients, ${positives} positive and ${rows.length - positives} negative slabs`,
    );
  }
  console.log(name);
}

async function baselines(): Promise<void> {
  const all = await loadSlabs(values.cohort);
  const [train, validation] = ['train', 'validation'].map((split) =>
    all.filter((slab) => slab.case.split === split),
  );
  const row = (title: string, numbers: readonly number[]) =>
    console.log(`${title.padEnd(48)}${numbers.map((number) => number.toFixed(3).padStart(12)).join('')}`);

  console.log(`${'AUC over slabs'.padEnd(48)}  validation   all slabs`);
  for (const [title, score] of Object.entries(scores)) {
    row(
      title,
      [validation, all].map((slabs) => scoreAuc(slabs, score)),
    );
  }

  console.log('\nMean Dice over positive slabs');
  const prior = await meanMask(train);
  const thresholds = [
    ['SUV > 2.5', uptake, 2.5],
    ['SUV > 4', uptake, 4],
    ['40 % of the slab’s maximum', relativeUptake, 0.4],
    [`mean mask of the training slabs > ${prior.threshold.toFixed(2)}`, prior.heatmap, prior.threshold],
  ] as const;
  for (const [title, heatmap, threshold] of thresholds) {
    row(title, [
      await thresholdDice(rivalCases(validation, heatmap), threshold),
      await thresholdDice(rivalCases(all, heatmap), threshold),
    ]);
  }
  const bounds: number[] = [];
  for (const slabs of [validation, all]) {
    const positives = slabs.filter(({ mask }) => mask !== undefined);
    bounds.push(
      await thresholdDice(
        positives.flatMap((slab) => rivalCases([slab], () => boundingBox(slab.mask!))),
        0.5,
      ),
    );
  }
  row('the mask’s bounding box (needs the mask)', bounds);
  row('best threshold of SUV a slab (needs the mask)', [
    await bestThresholdDice(rivalCases(validation, uptake)),
    await bestThresholdDice(rivalCases(all, uptake)),
  ]);

  const names = ['precision', 'recall', 'f1', 'dice', 'balancedAccuracy'] as const;
  console.log('\nAs heatmaps of the validation slabs, by the protocol of A.7');
  console.log(
    `${''.padEnd(48)}${names.map((name) => metrics[name].title.split(' ')[0].padStart(12)).join('')}`,
  );
  for (const [title, heatmap] of [
    ['SUV', uptake],
    ['share of the slab’s maximum', relativeUptake],
    ['mean mask of the training slabs', prior.heatmap],
  ] as const) {
    const { summary } = await evaluate(rivalCases(validation, heatmap));
    row(
      title,
      names.map((name) => summary[name]!.mean),
    );
  }
}
