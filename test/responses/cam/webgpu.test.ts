/**
 * Class activation maps on the WebGPU provider, beside the CPU: the same maps by every formula at two layers. In a
 * process of its own, because the driver is chosen by variables of the environment.
 */
import { describe, expect, it } from 'vitest';
import { runScript, swiftShader, withSwiftShader } from '../../runtime/support.ts';

const entry = new URL('../../../dist/node.js', import.meta.url).href;

/** Prints whether all operators ran on the GPU, and the largest difference of a map as a share of its maximum. */
const script = `
  import { buildResNet, camNetwork, createVolume, axisDirections, defaultPreprocessing, encoderResponse, initialWeights,
    openSession, parseModel, prepareVolume, randomStreams, readEncoder, resolveLayer, serialiseModel, Stack }
    from ${JSON.stringify(entry)};
  const options = { architecture: 'resnet10t', norm: 'frozen', channels: 1, outputs: 1, size: 32, width: 0.125, groups: 4 };
  const [forWeights, forPixels] = randomStreams(1, 2);
  const bytes = serialiseModel(buildResNet(options, initialWeights(options, forWeights)));
  const encoder = await readEncoder(bytes, 'tiny.onnx');
  const model = parseModel(encoder.model, encoder.name);
  const layers = ['1', '2'].map((name) => ({ ...resolveLayer(name, model, encoder), name }));
  const cams = ['gradcam', 'gradcam++', 'layercam'];
  const requests = cams.flatMap((cam) => layers.map((layer) => ({ cam, layer })));
  const network = camNetwork(encoder, 0, requests, { logit: true });
  const shape = [3, 32, 32];
  const volume = createVolume(Float32Array.from({ length: 3 * 32 * 32 }, () => forPixels.normal()), shape);
  const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
  const [direction] = axisDirections(shape, [0]);
  const compute = async (device) => {
    const session = await openSession(network.model, { device });
    const response = encoderResponse(encoder, session, prepared, network.answers, { size: 32 });
    const maps = await response.respond(new Stack(prepared.volume, direction, response.size, 0));
    await session.close();
    return { maps, partlyOnCpu: session.partlyOnCpu };
  };
  const [cpu, gpu] = [await compute('cpu'), await compute('webgpu')];
  const worst = cpu.maps.map(({ data }, i) => {
    const most = Math.max(...data.map(Math.abs));
    return Math.max(...data.map((value, at) => Math.abs(value - gpu.maps[i].data[at]))) / most;
  });
  console.log(JSON.stringify({ worst, partlyOnCpu: gpu.partlyOnCpu }));
`;

const where = swiftShader ? '' : ' (no SwiftShader: apt-get install chromium)';

describe.skipIf(!swiftShader)(`class activation maps on WebGPU${where}`, () => {
  it('are those of the CPU, and nothing is left to it', { timeout: 100_000 }, async () => {
    const { stdout, stderr } = await runScript(script, { env: withSwiftShader, timeout: 90_000 });
    expect(stdout, stderr).toMatch(/^\{/);
    const { worst, partlyOnCpu } = JSON.parse(stdout) as { worst: number[]; partlyOnCpu: boolean };
    expect(worst).toHaveLength(7);
    for (const share of worst) expect(share).toBeLessThan(1e-3);
    expect(partlyOnCpu).toBe(false);
  });
});
