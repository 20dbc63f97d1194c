/**
 * Which settings the presets should have: ToNNO and Tomographic LayerCAM with M slices, L directions and a filter, on all
 * positive validation cases of a cohort, as Dice against encoder calls.
 *
 *     npm run example -- settings --cohort cohort.csv --encoder encoder.onnx --out settings.json [--layer 2] [--size 64]
 *       [--slices 16,24,32,48,100] [--directions 25,50,100,200,400]
 *       [--filters second-difference,gaussian:0.04,gaussian:0.06,gaussian:0.08,hann:0.5]
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { measure } from './measure.ts';

const { values } = parseArgs({
  options: {
    cohort: { type: 'string' },
    encoder: { type: 'string' },
    out: { type: 'string', default: 'settings.json' },
    layer: { type: 'string', default: '2' },
    size: { type: 'string', default: '64' },
    seed: { type: 'string', default: '0' },
    slices: { type: 'string', default: '16,24,32,48,100' },
    directions: { type: 'string', default: '25,50,100,200,400' },
    filters: {
      type: 'string',
      default: 'second-difference,gaussian:0.04,gaussian:0.06,gaussian:0.08,hann:0.5',
    },
  },
});
if (!values.cohort || !values.encoder) throw new Error('Give --cohort FILE.csv and --encoder FILE.onnx.');
const counts = (text: string) => text.split(',').map(Number);
const started = performance.now();
const results = await measure(
  values.cohort,
  values.encoder,
  {
    slices: counts(values.slices),
    directions: counts(values.directions),
    filters: values.filters.split(','),
    layer: values.layer,
    size: Number(values.size),
    seed: Number(values.seed),
  },
  (line) => console.error(line),
);
await writeFile(values.out, `${JSON.stringify({ layer: values.layer, results }, null, 1)}\n`);
const calls = ({ slices, directions }: { slices: number; directions: number }) => slices * directions;
for (const method of ['ToNNO', 'Tomographic LayerCAM']) {
  const own = results.filter((result) => result.method === method);
  const best = Math.max(...own.map(({ dice }) => dice));
  const cheapest = own.filter(({ dice }) => dice >= best - 0.01).sort((a, b) => calls(a) - calls(b))[0];
  console.log(
    `${method}: best Dice ${best.toFixed(3)}; cheapest within .01: M = ${cheapest.slices}, L = ${cheapest.directions}, ${cheapest.filter}: ${cheapest.dice.toFixed(3)} with ${calls(cheapest)} calls.`,
  );
}
console.log(`${values.out}, ${((performance.now() - started) / 60e3).toFixed(1)} minutes.`);
