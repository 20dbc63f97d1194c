/**
 * Training steps beside PyTorch: ResNet-10-T of full width, frozen norm, Adam, one random batch, alternating step by step
 * in one run. PyTorch runs in its default layout and channels-last, each in a process of its own.
 *
 *     npm run bench -- train [--size 96,224] [--batch 32] [--rounds 7] [--python python3] [--profile]
 *
 * With --profile also the time of each operator in one lane's share of a step.
 */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  adamStep,
  buildResNet,
  GradientEngine,
  initialWeights,
  LABELS_INPUT,
  openSession,
  parameterValues,
  placeTogether,
  randomStreams,
  SLICE_WEIGHTS_INPUT,
  serialiseModel,
  trainingGraph,
  weightTensors,
} from 'tonno';
import { machine } from './support/machine.ts';
import { profile } from './support/profile.ts';

const { values } = parseArgs({
  options: {
    size: { type: 'string', default: '96,224' },
    batch: { type: 'string', default: '32' },
    rounds: { type: 'string', default: '7' },
    python: { type: 'string', default: 'python3' },
    profile: { type: 'boolean', default: false },
  },
});
const batch = Number(values.batch);
const rounds = Number(values.rounds);

/** A PyTorch process that does one step when asked. */
class Peer {
  readonly name: string;
  private readonly process: ChildProcessWithoutNullStreams;
  private readonly lines: AsyncIterator<string>;

  constructor(name: string, layout: string[]) {
    this.name = name;
    const script = fileURLToPath(new URL('peers/train.py', import.meta.url));
    this.process = spawn(values.python, [script, ...layout]);
    this.lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
  }

  async answer(): Promise<string> {
    const { value, done } = await this.lines.next();
    if (done) throw new Error(`${this.name} ended; is PyTorch there? (--python)`);
    return value;
  }

  async ask(line: string): Promise<number> {
    this.process.stdin.write(`${line}\n`);
    return Number(await this.answer());
  }

  end(): void {
    this.process.stdin.end();
  }
}

/** Our step at one size. */
async function ours(size: number) {
  const options = { architecture: 'resnet10t', norm: 'frozen', channels: 1, outputs: 1, size } as const;
  const [forWeights, forPixels] = randomStreams(0, 2);
  const model = buildResNet(options, initialWeights(options, forWeights));
  const image = [1, size, size] as const;
  const graph = trainingGraph({
    model,
    input: 'image',
    logits: 'logits',
    image,
    batch: undefined,
    norm: 'frozen',
  });
  const session = await openSession(serialiseModel(graph.model), { constantWeights: false });
  const engine = new GradientEngine(session, graph);
  const { weights, adam } = placeTogether(parameterValues(model, graph.parameters));
  const part = Math.ceil(batch / session.lanes);
  const pixels = Float32Array.from({ length: part * size * size }, () => forPixels.normal());
  engine.setWeights(weights);
  const times: Record<'engine' | 'Adam' | 'weights to the engine', number[]> = {
    engine: [],
    Adam: [],
    'weights to the engine': [],
  };
  const operators = () =>
    profile(serialiseModel(graph.model), {
      [graph.input]: { data: pixels.slice(), dims: [part, ...image] },
      [LABELS_INPUT]: { data: new Float32Array(part), dims: [part, 1] },
      [SLICE_WEIGHTS_INPUT]: { data: new Float32Array(part).fill(1 / batch), dims: [part, 1] },
      ...weightTensors(graph, weights),
    });
  const step = async () => {
    const batches = Array.from({ length: batch / part }, () => ({
      pixels: pixels.slice(),
      dims: [part, ...image],
      labels: Float32Array.from({ length: part }, (_, i) => i % 2),
      count: part,
    }));
    const begun = performance.now();
    const { gradient } = await engine.compute(batches);
    const computed = performance.now();
    adamStep(weights, gradient, adam, 5e-5);
    const updated = performance.now();
    engine.setWeights(weights);
    const end = performance.now();
    times.engine.push(computed - begun);
    times.Adam.push(updated - computed);
    times['weights to the engine'].push(end - updated);
    return end - begun;
  };
  return { step, times, operators, close: () => session.close() };
}

const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];
const peers = [
  new Peer('PyTorch, default layout', []),
  new Peer('PyTorch, channels-last', ['channels_last']),
];
console.log(`${machine()}, onnxruntime-node on CPU, ${await peers[0].answer()}`);
await peers[1].answer();
console.log(
  `ResNet-10-T, frozen norm, Adam, ${batch} slices a step; medians of ${rounds} rounds, alternating`,
);

for (const size of values.size.split(',').map(Number)) {
  const own = await ours(size);
  const measured: number[][] = [];
  for (let round = -2; round < rounds; round++) {
    const row = [await own.step()];
    for (const peer of peers) row.push(await peer.ask(`${size} ${batch}`));
    // The first rounds plan memory.
    if (round >= 0) measured.push(row);
  }
  const column = (k: number) => measured.map((row) => row[k]);
  const rate = (k: number) => `${((1000 * batch) / median(column(k))).toFixed(1)} slices/s`;
  console.log(`${size}²: tonno ${rate(0)}, ${(1000 / median(column(0))).toFixed(2)} steps/s`);
  for (const [k, { name }] of peers.entries()) {
    const ratio = median(measured.map((row) => row[k + 1] / row[0]));
    console.log(
      `  ${name} ${rate(k + 1)}; tonno is ${ratio.toFixed(2)} times as fast (median of the rounds’ ratios)`,
    );
  }
  const shares = Object.entries(own.times).map(([what, list]) => `${what} ${median(list).toFixed(0)} ms`);
  console.log(`  of a step of tonno: ${shares.join(', ')}`);
  if (values.profile) {
    const list = (await own.operators()).slice(0, 14);
    console.log(`  one lane alone, ms: ${list.map(([name, ms]) => `${name} ${ms.toFixed(0)}`).join(', ')}`);
  }
  await own.close();
}
const mebibytes = process.resourceUsage().maxRSS / 1024;
console.log(`peak memory: tonno ${mebibytes.toFixed(0)} MiB`);
for (const peer of peers) {
  console.log(`  ${peer.name} ${(await peer.ask('memory')).toFixed(0)} MiB`);
  peer.end();
}
