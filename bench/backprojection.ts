/**
 * What it costs to project maps back: plain arithmetic beside vectors, all maps of a direction together, and vectors with
 * crews; alternating in one run. The maps are those of class activation maps at four layers of a ResNet by two methods.
 *
 *     npm run bench -- backprojection [--volume 64,128,200] [--maps 56,28,14,7] [--methods 2] [--slices 32]
 *       [--directions 14] [--rounds 5] [--crews 1,2]
 */
import { parseArgs } from 'node:util';
import { type Direction, fibonacciDirections, type Maps } from 'tonno';
import { BACKPROJECTION_MODULE, Backprojector } from '../src/reconstruction/backprojector.ts';
import { layOutDirection, planBundles } from '../src/reconstruction/bundles.ts';
import { Slab } from '../src/reconstruction/slab.ts';
import { openCrew } from '../src/runtime/node-crew.ts';
import { machine } from './support/machine.ts';

const { values } = parseArgs({
  options: {
    volume: { type: 'string', default: '64,128,200' },
    maps: { type: 'string', default: '56,28,14,7' },
    methods: { type: 'string', default: '2' },
    slices: { type: 'string', default: '32' },
    directions: { type: 'string', default: '14' },
    rounds: { type: 'string', default: '5' },
    crews: { type: 'string', default: '1,2' },
  },
});
const numbers = (list: string) => list.split(',').map(Number);
const M = Number(values.slices);
const L = Number(values.directions);
const size = { rows: 224, columns: 224 };
const sides = numbers(values.maps);
console.log(machine());
console.log(
  `maps of ${sides.map((side) => `${side}²`).join(', ')} cells by ${values.methods} methods, M = ${M}, ${L} directions, median of ${values.rounds} rounds; ns for all maps of a voxel and direction`,
);

const directions = fibonacciDirections(L, { slices: M });
const methods = Array.from({ length: Number(values.methods) }, (_, method) => method);
const targets: Maps[] = sides.flatMap((side) =>
  methods.map((method) => ({
    ...{ count: M, kinds: 1, rows: side, columns: side },
    data: Float32Array.from({ length: M * side * side }, (_, i) => Math.sin(i * (0.1 + 0.01 * method))),
  })),
);
const block = directions.map((direction) => layOutDirection(planBundles(targets), targets, direction, false));
const median = (list: readonly number[]) => [...list].sort((a, b) => a - b)[Math.floor(list.length / 2)];

for (const length of numbers(values.volume)) {
  const shape = [length, length, length] as const;
  // The plain arithmetic is slow: a few planes about the middle tell as much.
  const middle = Math.floor(length / 2);
  const planes = [middle - 3, middle + 3] as const;
  const slab = (vectors: boolean) => {
    const own = new Slab({ shape, planes, size, targets, vectors });
    return async () => {
      for (let from = 0; from < L; from += 7) for (const _ of own.add(block.slice(from, from + 7)));
    };
  };
  const whole = (crew?: Parameters<typeof openCrew>[1]) => async () => {
    const team = crew ? openCrew(BACKPROJECTION_MODULE, crew) : undefined;
    const backprojector = new Backprojector({ shape, size, crew: team });
    const add = (direction: Direction) => backprojector.add(direction, targets);
    for (const direction of directions) await add(direction);
    await backprojector.finish();
    await team?.close();
  };
  const share = (planes[1] - planes[0]) / length;
  const ways: (readonly [name: string, share: number, work: () => Promise<void>])[] = [
    ['plain', share, slab(false)],
    ['vectors', share, slab(true)],
    ['backprojector, no crew', 1, whole()],
    ...numbers(values.crews).map((n) => [`crew of ${n}`, 1, whole(n)] as const),
  ];
  const times = ways.map((): number[] => []);
  for (let round = -1; round < Number(values.rounds); round++) {
    for (const [way, [, , work]] of ways.entries()) {
      const start = performance.now();
      await work();
      // The first round compiles.
      if (round >= 0) times[way].push(performance.now() - start);
    }
  }
  const cost = ways.map(([, part], way) => (1e6 * median(times[way])) / (length ** 3 * L * part));
  const ratio = median(times[0].map((plain, round) => plain / times[1][round])).toFixed(1);
  console.log(
    `${length}³: ${ways.map(([name], way) => `${name} ${cost[way].toFixed(1)}`).join(', ')} ns; vectors are ${ratio} times as fast as plain`,
  );
}
