/** The parts of a study: settings as options, steps that are taken once, and how long all of it will take. */
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { demoExperiment } from '../../src/cli/demo.ts';
import { addProtocolOptions } from '../../src/cli/evaluate.ts';
import { addReconstructionOptions, type ReconstructionOptions } from '../../src/cli/reconstruct.ts';
import { readSettings, type Settings } from '../../src/cli/settings.ts';
import { planStages, planStudy } from '../../src/cli/study/plan.ts';
import { Stages } from '../../src/cli/study/stages.ts';
import { hashOf, takeStep } from '../../src/cli/study/step.ts';
import { Terminal } from '../../src/cli/terminal.ts';
import { addTrainOptions } from '../../src/cli/train.ts';
import type { TrainOptions } from '../../src/cli/training-plan.ts';
import { UsageError } from '../../src/errors.ts';
import { newFolder, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const lines: string[] = [];
const terminal = new Terminal(false);
vi.spyOn(terminal, 'log').mockImplementation((line) => void lines.push(line));
afterEach(() => lines.splice(0));

describe('settings', () => {
  test('are options by their long names, with the defaults of the command', () => {
    const options = readSettings<TrainOptions>(
      addTrainOptions,
      { width: 0.25, 'final-lr': 1e-6, norm: 'group' },
      'x',
    );
    expect(options).toMatchObject({
      width: 0.25,
      finalLr: 1e-6,
      norm: 'group',
      volumes: 2,
      lr: 5e-5,
      steps: 62_500,
    });
  });

  test('lists and switches', () => {
    const options = readSettings<ReconstructionOptions>(
      addReconstructionOptions,
      { method: ['tonno', 'cam'], layer: ['1..3', 'head'], 'non-negative': true },
      'x',
    );
    expect(options).toMatchObject({
      method: ['tonno', 'cam'],
      layer: ['1', '2', '3', 'head'],
      nonNegative: true,
    });
    const off = readSettings<ReconstructionOptions>(addReconstructionOptions, { 'non-negative': false }, 'x');
    expect(off.nonNegative).toBeUndefined();
  });

  test.each<[Settings, RegExp]>([
    [{ fold: 3 }, /^x: There is no setting "fold"\. Settings are label, folds, seed/],
    [
      { folds: 0 },
      /^x: Option '--folds <n>' argument '0' is invalid\. It must be a whole number from 1 to 1000\./,
    ],
    [{ folds: true }, /^x: Option '--folds <n>' argument missing/],
    [{ folds: '-1' }, /^x: .*It must be a whole number/],
  ])('%j is refused', (settings, message) => {
    const read = () => readSettings(addProtocolOptions, settings, 'x');
    expect(read).toThrow(UsageError);
    expect(read).toThrow(message);
  });
});

describe('a step', () => {
  const step = {
    kind: 'heatmaps',
    name: 'Réseau, norm «b»',
    settings: { a: 1, b: [1, { c: 2, d: undefined }] },
  } as const;

  test('is taken once, in a folder named after its settings', async () => {
    const study = newFolder(folder);
    const work = vi.fn(async (path: string) => writeFileSync(join(path, 'made'), ''));
    const first = await takeStep(study, step, terminal, work);
    expect(first.folder).toMatch(/^heatmaps\/reseau-norm-b-[0-9a-f]{10}$/);
    expect(first.taken).toBe(true);
    const again = await takeStep(study, { ...step, settings: { b: [1, { c: 2 }], a: 1 } }, terminal, work);
    expect(again).toEqual({ ...first, taken: false });
    expect(work).toHaveBeenCalledTimes(1);
    expect(lines).toEqual([`  ${first.folder} is there already.`]);
    expect(readdirSync(join(study, first.folder)).sort()).toEqual(['made', 'step.json']);
  });

  test('that failed is taken again, in the folder with what it left', async () => {
    const study = newFolder(folder);
    const seen: string[][] = [];
    const work = async (path: string) => {
      seen.push(readdirSync(path));
      writeFileSync(join(path, 'half'), '');
      if (seen.length === 1) throw new Error('killed');
    };
    await expect(takeStep(study, step, terminal, work)).rejects.toThrow('killed');
    expect((await takeStep(study, step, terminal, work)).taken).toBe(true);
    expect(seen).toEqual([[], ['half']]);
  });

  test('with another setting is another', async () => {
    const study = newFolder(folder);
    const work = async () => {};
    const one = await takeStep(study, step, terminal, work);
    const other = await takeStep(study, { ...step, settings: { ...step.settings, a: 2 } }, terminal, work);
    expect(other.taken).toBe(true);
    expect(other.folder).not.toBe(one.folder);
  });

  test('the hash knows no order of keys, and everything else', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (record) => {
        const reversed = Object.fromEntries(Object.entries(record).reverse());
        expect(hashOf(reversed)).toBe(hashOf(record));
        expect(hashOf({ ...record, further: 1 })).not.toBe(hashOf(record));
      }),
    );
    expect(hashOf([1, 2])).not.toBe(hashOf([2, 1]));
    expect(hashOf({ a: '1' })).not.toBe(hashOf({ a: 1 }));
  });
});

describe('stages', () => {
  const taking =
    (seconds: number, taken = true) =>
    async () => ({ seconds, taken });

  test('reckon what is left from what was timed, by work', async () => {
    const stages = new Stages(terminal, [
      { what: 'First', work: 100 },
      { what: 'Second', work: 300 },
      { what: 'Third', work: 100 },
    ]);
    await stages.next(taking(20));
    await stages.next(taking(120));
    await stages.next(taking(1));
    // 400 of work at 5 a second, then 100 at 400 in 140 seconds.
    expect(lines).toEqual([
      '[1/3] First',
      '[2/3] Second · about 1:20 left in all',
      '[3/3] Third · about 0:35 left in all',
    ]);
  });

  test('what was there already, or is too little to tell, is no measure', async () => {
    const stages = new Stages(terminal, [
      { what: 'There', work: 1000 },
      { what: 'Short', work: 1 },
      { what: 'Long', work: 1000 },
    ]);
    await stages.next(taking(500, false));
    await stages.next(taking(3));
    await stages.next(taking(3));
    expect(lines).toEqual(['[1/3] There', '[2/3] Short', '[3/3] Long']);
  });

  test('of the demo are those that it takes', () => {
    const plan = planStudy(demoExperiment(false, 7), 'demo');
    expect(plan.phantoms).toMatchObject({ train: 160, validation: 40, seed: 7 });
    expect(planStages(plan, 40).map(({ what }) => what.replace(/ResNet.*width/, 'it'))).toEqual([
      'Making the cohort of phantoms',
      'Training it',
      'Asking it about slices',
      'Heatmaps with it',
      'Evaluating 1 kind of heatmaps',
      'Heatmaps with it',
      'Evaluating 12 kinds of heatmaps',
    ]);
  });
});
