/**
 * What a reconstruction costs beyond its encoder: the time of the whole against the time of the same inferences
 * alone, alternating in one run. The ratio of CPU times is less disturbed by what else the machine does.
 *
 *     npm run bench -- reconstruct [--volume 64,128,200] [--size 224] [--directions 21] [--rounds 5]
 */
import { parseArgs } from 'node:util';
import {
  createVolume,
  defaultPreprocessing,
  fibonacciDirections,
  logitResponse,
  openSession,
  parseFilter,
  prepareVolume,
  readEncoder,
  reconstruct,
  Stack,
} from 'tonno';
import { machine } from './support/machine.ts';
import { resnet10t } from './support/resnet10t.ts';

const { values } = parseArgs({
  options: {
    volume: { type: 'string', default: '64,128,200' },
    size: { type: 'string', default: '224' },
    slices: { type: 'string', default: '32' },
    directions: { type: 'string', default: '21' },
    rounds: { type: 'string', default: '5' },
    batch: { type: 'string' },
  },
});
const side = Number(values.size);
const M = Number(values.slices);
const batch = values.batch ? Number(values.batch) : undefined;
const size = { rows: side, columns: side };
console.log(`${machine()}, onnxruntime-node on CPU`);
console.log(
  `ResNet-10-T-sized encoder, slices of ${side}², M = ${M}, ${values.directions} directions a round, median of ${values.rounds} rounds`,
);

/** Milliseconds that pass, and that all threads together compute. */
interface Cost {
  readonly wall: number;
  readonly cpu: number;
}

const encoder = await readEncoder(resnet10t(), 'resnet10t.onnx');
const session = await openSession(encoder.model);
const median = (list: number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

for (const length of values.volume.split(',').map(Number)) {
  const shape = [length, length, length] as const;
  const volume = createVolume(Float32Array.from({ length: length ** 3 }, Math.random), shape);
  const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
  const response = logitResponse(encoder, session, prepared, { size: side, batch });
  const directions = fibonacciDirections(Number(values.directions), { slices: M });
  const filter = parseFilter('gaussian:0.06');

  // The same slices in the same batches, cut beforehand and handed over as copies.
  const stack = new Stack(prepared.volume, directions[0], size, 1);
  const cut = stack.cut(0, stack.count);
  const ready = Object.assign(Object.create(stack), {
    cut: (from: number, to: number) => cut.slice(from * stack.sliceLength, to * stack.sliceLength),
  });
  const encoderAlone = async () => {
    const waiting: Promise<unknown>[] = [];
    for (const _ of directions) {
      waiting.push(response.respond(ready));
      if (waiting.length >= response.lanes) await waiting.shift();
    }
    await Promise.all(waiting);
  };
  const whole = () => reconstruct(prepared.volume, response, directions, filter);
  const time = async (work: () => Promise<unknown>) => {
    const start = performance.now();
    const before = process.cpuUsage();
    await work();
    const { user, system } = process.cpuUsage(before);
    return { wall: performance.now() - start, cpu: (user + system) / 1000 };
  };

  await encoderAlone();
  await whole();
  const pairs: { alone: Cost; whole: Cost }[] = [];
  for (let round = 0; round < Number(values.rounds); round++) {
    pairs.push({ alone: await time(encoderAlone), whole: await time(whole) });
  }
  const slices = directions.length * (M + 2);
  const rate = (times: number[]) => ((1000 * slices) / median(times)).toFixed(1);
  const ratio = (of: keyof Cost) => median(pairs.map((pair) => pair.whole[of] / pair.alone[of])).toFixed(3);
  console.log(
    `volume ${length}³: encoder alone ${rate(pairs.map(({ alone }) => alone.wall))} slices/s, whole ${rate(pairs.map((pair) => pair.whole.wall))} slices/s, ratio of times ${ratio('wall')}, of CPU times ${ratio('cpu')}`,
  );
}
await session.close();
