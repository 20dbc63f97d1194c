/**
 * Twenty steps of Adam beside PyTorch's (test/fixtures/network/adam.json says which), and the gradients of whole
 * networks with all three norms.
 */
import { existsSync, readFileSync } from 'node:fs';
import { afterAll, describe, expect, test } from 'vitest';
import { buildResNet, type NormName } from '../../src/encoders/resnet.ts';
import { readSafetensors } from '../../src/formats/safetensors.ts';
import { parseModel, serialiseModel } from '../../src/onnx/model.ts';
import { floatValues } from '../../src/onnx/nodes.ts';
import { openSession } from '../../src/runtime/node.ts';
import type { Session } from '../../src/runtime/session.ts';
import { adamStep, createAdam } from '../../src/training/adam.ts';
import { updateRunning } from '../../src/training/batch-norm.ts';
import { GradientEngine, weightTensors } from '../../src/training/engine.ts';
import { evaluationGraph, runningStatistics, trainingGraph } from '../../src/training/graph.ts';
import { meanLoss } from '../../src/training/loss.ts';
import { initialiserValues } from '../../src/training/network.ts';
import { fromOrder, parameterValues } from '../../src/training/parameters.ts';
import { learningRate } from '../../src/training/schedule.ts';

const folder = new URL('../fixtures/network/', import.meta.url);
const read = (name: string) => Uint8Array.from(readFileSync(new URL(name, folder)));
const golden = JSON.parse(new TextDecoder().decode(read('adam.json'))) as {
  names: Record<string, string>;
  networks: Record<string, { losses: number[]; logits: number[] }>;
};
const { labels } = JSON.parse(new TextDecoder().decode(read('network.json'))) as { labels: number[] };
const slices = new Float32Array(read('slices.bin').buffer);
const side = 64;
const batch = (ids: readonly number[]) => ({
  pixels: Float32Array.from(
    ids.flatMap((id) => [...slices.subarray(id * side * side, (id + 1) * side * side)]),
  ),
  dims: [ids.length, 1, side, side],
  labels: Float32Array.from(ids, (id) => labels[id]),
  count: ids.length,
});

/** The weights of all three networks by timm's names. */
function startingWeights(): Map<string, Float32Array> {
  const exported = new Map(
    parseModel(read('resnet10t_gn.onnx'), 'resnet10t_gn.onnx').graph.initializer.map((t) => [t.name, t]),
  );
  const weights = new Map(
    Object.entries(golden.names).map(([name, own]) => [name, floatValues(exported.get(own)!)!]),
  );
  const file = 'running_statistics.safetensors';
  for (const [name, { data }] of readSafetensors(read(file), file).tensors) {
    weights.set(name, data as Float32Array);
  }
  return weights;
}

const kinds: readonly [file: string, norm: NormName][] = [
  ['gn', 'group'],
  ['fbn', 'frozen'],
  ['bn', 'batch'],
];

const sessions: Session[] = [];
afterAll(() => Promise.all(sessions.map((session) => session.close())));
async function open(model: Parameters<typeof serialiseModel>[0]): Promise<Session> {
  const session = await openSession(serialiseModel(model), { constantWeights: false });
  sessions.push(session);
  return session;
}

describe.each(kinds)('ResNet-10-T, %s', (file, norm) => {
  const model = buildResNet(
    { architecture: 'resnet10t', norm, channels: 1, outputs: 1, size: side, width: 0.25, groups: 8 },
    startingWeights(),
  );
  const network = {
    model,
    input: 'image',
    logits: 'logits',
    image: [1, side, side] as const,
    batch: undefined,
    norm: norm === 'batch' ? ('batch' as const) : ('frozen' as const),
  };
  const graph = trainingGraph(network);

  test('learns as PyTorch does: losses of 20 steps and the logits behind them', async () => {
    const engine = new GradientEngine(await open(graph.model), graph);
    const weights = parameterValues(model, graph.parameters);
    const running = initialiserValues(model, runningStatistics(model));
    const adam = createAdam(weights.length);
    const schedule = { steps: 20, rate: 1e-3, finalRate: 1e-5, warmUp: 0 };
    // Cumulative means: three batches had been counted, and the pass over all slices behind the gradients is a fourth.
    engine.setWeights(weights);
    updateRunning(running, (await engine.compute([batch([0, 1, 2, 3, 4, 5])])).moments, 1 / 4);
    const losses: number[] = [];
    for (let step = 0; step < 20; step++) {
      const ids = [step % 6, (step + 1) % 6, (step + 3) % 6];
      engine.setWeights(weights);
      const { gradient, logits, moments } = await engine.compute([batch(ids)]);
      losses.push(meanLoss(logits, batch(ids).labels));
      adamStep(weights, gradient, adam, learningRate(schedule, step));
      updateRunning(running, moments, 1 / (step + 5));
    }
    const { losses: expected, logits: after } = golden.networks[file];
    for (const [step, loss] of losses.entries()) expect(loss, `step ${step}`).toBeCloseTo(expected[step], 5);

    const evaluation = evaluationGraph(network);
    const session = await open(evaluation.model);
    session.hold(weightTensors(evaluation, weights));
    session.hold(
      Object.fromEntries([...running].map(([name, data]) => [name, { data, dims: [data.length] }])),
    );
    const { pixels, dims } = batch([0, 1, 2, 3, 4, 5]);
    const result = await session.run({ [evaluation.input]: { data: pixels, dims } });
    const logits = result[evaluation.logits].data as Float32Array;
    for (const [i, logit] of after.entries()) expect(logits[i]).toBeCloseTo(logit, 4);
  });

  const shared = new URL(
    `../../../shared/golden/network/resnet10t_${file}_gradients.safetensors`,
    import.meta.url,
  );
  const there = existsSync(shared);
  test.skipIf(!there)(
    `gradients of the mean loss by every weight${there ? '' : ' (no ../shared/golden)'}`,
    async () => {
      const engine = new GradientEngine(await open(graph.model), graph);
      engine.setWeights(parameterValues(model, graph.parameters));
      const { gradient } = await engine.compute([batch([0, 1, 2, 3, 4, 5])]);
      const { tensors } = readSafetensors(Uint8Array.from(readFileSync(shared)), file);
      expect(tensors.size).toBe(graph.parameters.length);
      for (const parameter of graph.parameters) {
        const expected = tensors.get(parameter.name)!.data as Float32Array;
        const actual = fromOrder(gradient, parameter);
        const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - actual[i])), 0);
        expect(worst / largest, parameter.name).toBeLessThan(1e-4);
      }
    },
  );
});
