/**
 * What class activation maps cost, in wall-clock ratios measured alternately in one run: a pass for LayerCAM at one
 * layer against ToNNO's pass of as many slices (the paper's ratio is 3: 60 s for half of the directions against 40 s),
 * and one call for four layers and two methods against one layer and one method.
 *
 *     npm run bench -- cam [--volume 64,128] [--size 224] [--directions 9] [--rounds 5] [--encoder FILE.onnx] [--crew 2]
 */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import {
  BACKPROJECTION_MODULE,
  camNetwork,
  createVolume,
  defaultPreprocessing,
  encoderResponse,
  fibonacciDirections,
  openCrew,
  openSession,
  parseFilter,
  parseModel,
  prepareVolume,
  readEncoder,
  reconstructAll,
  resolveLayer,
} from 'tonno';
import { machine } from './support/machine.ts';
import { resnet10t } from './support/resnet10t.ts';

const { values } = parseArgs({
  options: {
    volume: { type: 'string', default: '64,128' },
    size: { type: 'string', default: '224' },
    slices: { type: 'string', default: '32' },
    directions: { type: 'string', default: '9' },
    rounds: { type: 'string', default: '5' },
    encoder: { type: 'string' },
    crew: { type: 'string', default: String(availableParallelism()) },
  },
});
const size = Number(values.size);
const M = Number(values.slices);
const bytes = values.encoder ? new Uint8Array(await readFile(values.encoder)) : resnet10t();
const encoder = await readEncoder(bytes, values.encoder ?? 'resnet10t.onnx');
console.log(`${machine()}, onnxruntime-node on CPU`);
console.log(
  `${encoder.name}, slices of ${size}², M = ${M}, ${values.directions} directions a round, median of ${values.rounds} rounds`,
);

const model = parseModel(encoder.model, encoder.name);
const layers = [1, 2, 3, 4].map((number) => ({
  ...resolveLayer(`${number}`, model, encoder),
  name: `${number}`,
}));
const [averaged, tomographic] = ['none', 'gaussian:0.06'].map(parseFilter);
/** What is asked of the encoder, and the heatmaps that are made of it. */
const cases = {
  tonno: { logit: true, layers: [], filters: [tomographic] },
  'layer 1, tomographic': { logit: false, layers: [layers[0]], filters: [tomographic] },
  'layer 2, tomographic': { logit: false, layers: [layers[1]], filters: [tomographic] },
  'layer 3, tomographic': { logit: false, layers: [layers[2]], filters: [tomographic] },
  'layer 4, tomographic': { logit: false, layers: [layers[3]], filters: [tomographic] },
  'layers 1 to 4, averaged and tomographic': { logit: false, layers, filters: [averaged, tomographic] },
} as const;
type Case = keyof typeof cases;
const names = Object.keys(cases) as Case[];

const networks = await Promise.all(
  names.map(async (name) => {
    const { logit, layers } = cases[name];
    const requests = layers.map((layer) => ({ cam: 'layercam', layer }) as const);
    const network = camNetwork(encoder, 0, requests, { logit, size: { rows: size, columns: size } });
    return { ...network, session: await openSession(network.model) };
  }),
);
const crew = Number(values.crew) > 0 ? openCrew(BACKPROJECTION_MODULE, Number(values.crew)) : undefined;
const median = (list: number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

for (const length of values.volume.split(',').map(Number)) {
  const volume = createVolume(Float32Array.from({ length: length ** 3 }, Math.random), [
    length,
    length,
    length,
  ]);
  const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
  const directions = fibonacciDirections(Number(values.directions), { slices: M });
  const time = async (index: number) => {
    const { session, answers } = networks[index];
    const response = encoderResponse(encoder, session, prepared, answers, { size });
    const targets = answers.flatMap((_, maps) =>
      cases[names[index]].filters.map((filter) => ({ maps, filter })),
    );
    const start = performance.now();
    await reconstructAll(prepared.volume, response, directions, targets, { crew });
    return performance.now() - start;
  };
  const rounds: number[][] = [];
  for (let round = 0; round <= Number(values.rounds); round++) {
    const times: number[] = [];
    for (const index of names.keys()) times.push(await time(index));
    // The first warms up.
    if (round > 0) rounds.push(times);
  }
  const ratio = (a: Case, b: Case) =>
    median(rounds.map((times) => times[names.indexOf(a)] / times[names.indexOf(b)])).toFixed(2);
  console.log(`volume ${length}³:`);
  for (const [i, name] of names.entries()) {
    const rate = (1000 * directions.length * (M + 2)) / median(rounds.map((times) => times[i]));
    console.log(`  ${name.padEnd(40)} ${rate.toFixed(0).padStart(5)} slices/s`);
  }
  const all: Case = 'layers 1 to 4, averaged and tomographic';
  for (const one of names.slice(1, -1)) {
    console.log(
      `  ${one}: ${ratio(one, 'tonno')} times ToNNO’s pass; all four and both: ${ratio(all, one)} times that`,
    );
  }
}
await crew?.close();
await Promise.all(networks.map(({ session }) => session.close()));
