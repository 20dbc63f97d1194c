/**
 * The training graph on the WebGPU provider, beside the CPU: the same gradients by every weight. In a process of its own,
 * because the driver is chosen by variables of the environment.
 */
import { describe, expect, it } from 'vitest';
import { runScript, swiftShader, withSwiftShader } from '../runtime/support.ts';

const entry = new URL('../../dist/node.js', import.meta.url).href;

/**
 * Prints, for a norm, whether all operators ran on the GPU and the largest relative difference of a gradient. With more
 * groups the last norms would have two values each, whose difference decides everything and is lost in rounding.
 */
const script = (norm: string) => `
  import { buildResNet, GradientEngine, initialWeights, openSession, parameterValues, randomStreams, serialiseModel,
    trainingGraph } from ${JSON.stringify(entry)};
  const options = { architecture: 'resnet10t', norm: ${JSON.stringify(norm)}, channels: 1, outputs: 1, size: 32, width: 0.125, groups: 4 };
  const [forWeights, forPixels] = randomStreams(1, 2);
  const model = buildResNet(options, initialWeights(options, forWeights));
  const graph = trainingGraph({ model, input: 'image', logits: 'logits', image: [1, 32, 32], batch: undefined,
    norm: options.norm === 'batch' ? 'batch' : 'frozen' });
  const pixels = Float32Array.from({ length: 4 * 32 * 32 }, () => forPixels.normal());
  const compute = async (device) => {
    const session = await openSession(serialiseModel(graph.model), { device, constantWeights: false });
    const engine = new GradientEngine(session, graph);
    engine.setWeights(parameterValues(model, graph.parameters));
    const labels = Float32Array.of(0, 1, 0, 1);
    const { gradient } = await engine.compute([{ pixels: pixels.slice(), dims: [4, 1, 32, 32], labels, count: 4 }]);
    await session.close();
    return { gradient, partlyOnCpu: session.partlyOnCpu };
  };
  const [cpu, gpu] = [await compute('cpu'), await compute('webgpu')];
  const worst = Math.max(...graph.parameters.map(({ offset, length }) => {
    let [difference, norm] = [0, 0];
    for (let i = offset; i < offset + length; i++) {
      difference += (cpu.gradient[i] - gpu.gradient[i]) ** 2;
      norm += cpu.gradient[i] ** 2;
    }
    return Math.sqrt(difference / norm);
  }));
  console.log(JSON.stringify({ worst, partlyOnCpu: gpu.partlyOnCpu }));
`;

const where = swiftShader ? '' : ' (no SwiftShader: apt-get install chromium)';

describe.skipIf(!swiftShader)(`training on WebGPU${where}`, () => {
  it.each(['frozen', 'batch', 'group'])('norm %s: gradients as on the CPU', {
    timeout: 100_000,
  }, async (norm) => {
    const { stdout, stderr } = await runScript(script(norm), { env: withSwiftShader, timeout: 90_000 });
    expect(stdout, stderr).toMatch(/^\{/);
    const { worst, partlyOnCpu } = JSON.parse(stdout) as { worst: number; partlyOnCpu: boolean };
    expect(worst).toBeLessThan(1e-3);
    // Where norms are frozen nothing is left to the CPU; docs/devices.md says what is with the other two.
    if (norm === 'frozen') expect(partlyOnCpu).toBe(false);
  });
});
