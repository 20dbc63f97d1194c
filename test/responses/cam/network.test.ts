/** What an encoder's graph with maps refuses, and what it leaves alone. */
import { describe, expect, test } from 'vitest';
import { readEncoder } from '../../../src/encoders/external.ts';
import { resolveLayer } from '../../../src/encoders/layers.ts';
import { parseModel } from '../../../src/onnx/model.ts';
import { camNetwork } from '../../../src/responses/cam/network.ts';
import { openSession } from '../../../src/runtime/node.ts';
import { classifier, images, onnx, value } from '../../onnx/fixture.ts';

async function open(bytes: Uint8Array) {
  const encoder = await readEncoder(bytes, 'net.onnx');
  return {
    encoder,
    layer: { ...resolveLayer('r', parseModel(encoder.model, 'net.onnx'), encoder), name: 'r' },
  };
}

describe('a class that is not there', () => {
  test('is refused where the graph says how many there are', async () => {
    const { encoder, layer } = await open(onnx(classifier({ classes: 3 })));
    expect(() => camNetwork(encoder, 3, [{ cam: 'gradcam', layer }])).toThrow(
      'net.onnx: There is no class 3: this network has 3. Choose 0 to 2.',
    );
  });

  test('is an error of the engine, and no empty map, where the graph does not', async () => {
    const { encoder, layer } = await open(onnx({ ...classifier({ classes: 3 }), outputs: [value('logit')] }));
    expect(encoder.outputs).toBeUndefined();
    const run = async (index: number) => {
      const { model, answers } = camNetwork(encoder, index, [{ cam: 'gradcam', layer }]);
      const session = await openSession(model);
      try {
        const { data, dims } = images(2, 1, 16, 16);
        const outputs = await session.run({ x: { data, dims } });
        return answers[0].read(outputs[answers[0].output], {
          places: 2,
          count: 2,
          size: { rows: 16, columns: 16 },
        });
      } finally {
        await session.close();
      }
    };
    expect(await run(2)).toMatchObject({ count: 2, rows: 16, columns: 16 });
    await expect(run(3)).rejects.toThrow(/net|model/);
  });
});

test('maps for slices of one size are the maps for any size, by a smaller graph', async () => {
  const { encoder, layer } = await open(onnx({ ...classifier(), inputs: [value('x', ['n', 1, 'h', 'w'])] }));
  const run = async (size?: { rows: number; columns: number }) => {
    const { model, answers } = camNetwork(encoder, 1, [{ cam: 'gradcam++', layer }], { size });
    const session = await openSession(model);
    const { data, dims } = images(2, 1, 12, 10);
    const outputs = await session.run({ x: { data, dims } });
    await session.close();
    return { nodes: parseModel(model, 'm').graph.node.length, map: outputs[answers[0].output] };
  };
  const [any, one] = [await run(), await run({ rows: 12, columns: 10 })];
  expect(one.map).toEqual(any.map);
  expect(one.nodes).toBeLessThan(any.nodes);
});

test('the encoder’s own graph is as it was, its outputs first', async () => {
  const { encoder, layer } = await open(onnx(classifier({ classes: 2 })));
  const { model, answers } = camNetwork(encoder, 1, [{ cam: 'layercam', layer }], { logit: true });
  const before = parseModel(encoder.model, 'a').graph;
  const after = parseModel(model, 'b').graph;
  expect(after.node.slice(0, before.node.length)).toEqual(before.node);
  expect(after.output.map(({ name }) => name)).toEqual(['logit', answers[1].output]);
  expect(answers.map(({ name }) => name)).toEqual(['logit', 'layercam:r']);
});
