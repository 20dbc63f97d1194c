/**
 * Which settings the presets should have: ToNNO and Tomographic LayerCAM with M slices, L directions and a filter, on all
 * positive validation cases of a cohort, as Dice against encoder calls.
 *
 *     npm run example -- settings measure --cohort cohort.csv --encoder encoder.onnx --name Phantoms --out phantoms.json
 *       [--layer 2] [--size 64] [--slices 24,32,48] [--directions 50,100,200] [--filters second-difference,gaussian:0.04]
 *     npm run example -- settings draw phantoms.json sarcoma.json [--out docs]
 *
 * Files of one name are drawn together: a grid may be measured in parts.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { calls, cheapestGood, drawSettings, type Measured, pooled, settingsTables } from './draw.ts';
import { measure } from './measure.ts';

const { values, positionals } = parseArgs({
  options: {
    cohort: { type: 'string' },
    encoder: { type: 'string' },
    name: { type: 'string', default: 'Phantoms' },
    out: { type: 'string' },
    layer: { type: 'string', default: '2' },
    size: { type: 'string', default: '64' },
    seed: { type: 'string', default: '0' },
    slices: { type: 'string', default: '16,24,32,48,64,100' },
    directions: { type: 'string', default: '25,50,100,200,400' },
    filters: {
      type: 'string',
      default: 'second-difference,gaussian:0.03,gaussian:0.04,gaussian:0.06,hann:0.5,hann:1',
    },
  },
  allowPositionals: true,
});
const [command, ...files] = positionals;
if (command === 'draw' && files.length > 0) await draw();
else if (command === 'measure' && values.cohort && values.encoder)
  await measureAll(values.cohort, values.encoder);
else throw new Error('Give measure --cohort FILE.csv --encoder FILE.onnx, or draw FILE.json…');

async function measureAll(cohort: string, encoder: string): Promise<void> {
  const counts = (text: string) => text.split(',').map(Number);
  const started = performance.now();
  const choice = {
    slices: counts(values.slices),
    directions: counts(values.directions),
    filters: values.filters.split(','),
    layer: values.layer,
    size: Number(values.size),
    seed: Number(values.seed),
  };
  const results = await measure(cohort, encoder, choice, (line) => console.error(line));
  const out = values.out ?? 'settings.json';
  const measured: Measured = { cohort: values.name, layer: values.layer, results };
  await writeFile(out, `${JSON.stringify(measured, null, 1)}\n`);
  tell(measured);
  console.log(`${out}, ${((performance.now() - started) / 60e3).toFixed(1)} minutes.`);
}

async function draw(): Promise<void> {
  const read = await Promise.all(
    files.map(async (file) => JSON.parse(await readFile(file, 'utf8')) as Measured),
  );
  const measured = [...new Set(read.map(({ cohort }) => cohort))].map((cohort) => {
    const own = read.filter((one) => one.cohort === cohort);
    const keyOf = (result: Measured['results'][number]) =>
      JSON.stringify({ ...result, dice: 0, bestDice: 0 });
    // A setting that was measured twice counts once.
    const results = new Map(own.flatMap((one) => one.results).map((result) => [keyOf(result), result]));
    return { ...own[0], results: [...results.values()] };
  });
  const all = measured.length > 1 ? [...measured, pooled(measured)] : measured;
  for (const one of all) tell(one);
  const folder = values.out ?? 'docs';
  await writeFile(join(folder, 'settings.svg'), drawSettings(measured));
  await writeFile(join(folder, 'settings-tables.md'), settingsTables(all));
}

function tell({ cohort, results }: Measured): void {
  for (const method of new Set(results.map((result) => result.method))) {
    const own = results.filter((result) => result.method === method);
    const best = Math.max(...own.map(({ dice }) => dice));
    const { slices, directions, filter, dice } = cheapestGood(own);
    console.log(
      `${cohort}, ${method}: best Dice ${best.toFixed(3)}; cheapest within .01: M = ${slices}, L = ${directions}, ${filter}: ${dice.toFixed(3)} with ${calls({ slices, directions })} calls.`,
    );
  }
}
