// Writes assets/phantom-encoder.onnx and .json, its record, from the folder of a whole demo:
//     npm start -- --out demo && node scripts/encoders/phantom-encoder.mjs demo
import { createHash } from 'node:crypto';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const [demo] = process.argv.slice(2);
if (!demo) throw new Error('Give the folder of a demo.');
const assets = new URL('../../assets/', import.meta.url);
const only = async (kind) => join(demo, kind, (await readdir(join(demo, kind)))[0]);
const json = async (path) => JSON.parse(await readFile(path, 'utf8'));
const [cohort, run] = [await only('cohort'), await only('encoders')];
const bytes = await readFile(join(run, 'encoder-last.onnx'));
const { cohort: table, ...training } = await json(join(run, 'run.json'));
const lines = (await readFile(join(run, 'metrics.jsonl'), 'utf8')).trim().split('\n').map(JSON.parse);
const results = [];
for (const name of await readdir(join(demo, 'evaluations'))) {
  results.push(...(await json(join(demo, 'evaluations', name, 'metrics.json'))).results);
}
const record = {
  file: 'phantom-encoder.onnx',
  sha256: createHash('sha256').update(bytes).digest('hex'),
  about:
    'The encoder after the last step of the training that the demo does, on phantoms that the demo makes; nothing else was shown to it.',
  command: 'npm start',
  cohort: await json(join(cohort, 'cohort.json')),
  training: { ...training, cohort: { train: table.train, validation: table.validation } },
  validation: lines.filter(({ auc }) => auc !== undefined).at(-1),
  heatmaps: results.map(({ title, layer, evaluation: { summary } }) => ({
    title,
    layer,
    f1: summary.f1,
    dice: summary.dice,
  })),
};
await writeFile(new URL('phantom-encoder.onnx', assets), bytes);
await writeFile(new URL('phantom-encoder.json', assets), `${JSON.stringify(record, null, 2)}\n`);
console.log(`phantom-encoder.onnx, ${bytes.length} bytes, sha256 ${record.sha256}`);
