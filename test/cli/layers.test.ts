import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { serialiseModel } from '../../src/onnx/model.ts';
import { classifier, node, onnx, value, weights } from '../onnx/fixture.ts';
import { newFolder, succeed, temporaryFolder, tonno } from '../support/cli.ts';
import { tinyViT } from '../support/transformers.ts';

const folder = temporaryFolder();
const file = (bytes: Uint8Array) => {
  const path = join(newFolder(folder), 'net.onnx');
  writeFileSync(path, bytes);
  return path;
};
const RESNET = fileURLToPath(new URL('../fixtures/network/resnet10t_gn.onnx', import.meta.url));
const facts = async (...args: string[]) =>
  JSON.parse((await succeed(['layers', '--json', ...args])).stdout) as {
    layers: Record<string, unknown>[];
  };
const lines = async (...args: string[]) => (await succeed(['layers', ...args])).stdout.trimEnd().split('\n');

describe.concurrent('tonno layers', () => {
  test('lists what everything passes, and numbers what --layer takes', async () => {
    expect(await lines(RESNET)).toEqual([
      RESNET,
      '8 of 79 layers (--all lists all); * those that are good for a class activation map',
      '  #  layer                             shape     stride  field  operator',
      '     /stem/stem.2/Relu_output_0        8×32×32        2      3  Relu',
      '     /stem/stem.5/Relu_output_0        8×32×32        2      7  Relu',
      '*    /stem/stem.8/Relu_output_0        16×32×32       2     11  Relu',
      '     /stem/stem.9/MaxPool_output_0     16×16×16       4     15  MaxPool',
      '* 1  /layers/layers.0/Relu_1_output_0  16×16×16       4     31  Relu',
      '* 2  /layers/layers.1/Relu_1_output_0  32×8×8         8     55  Relu',
      '* 3  /layers/layers.2/Relu_1_output_0  64×4×4        16    103  Relu',
      '* 4  /layers/layers.3/Relu_1_output_0  128×2×2       32    199  Relu',
      'Use: tonno reconstruct --method tomographic-cam --cam layercam --layer NAME|#',
    ]);
  });

  test('lists all of them in lines that fit a terminal, names whole', async () => {
    const all = await lines('--all', RESNET);
    const { layers } = await facts('--all', RESNET);
    expect(layers).toHaveLength(79);
    for (const { tensor } of layers) {
      expect(all.filter((line) => line.slice(5).split(' ')[0] === tensor)).toHaveLength(1);
    }
    expect(all.slice(1).filter((line) => line.length > 80 && !line.includes('class activation'))).toEqual([]);
  });

  test('tells of tokens, and of layers that the whole image reaches', async () => {
    const path = file(serialiseModel(tinyViT()));
    expect((await lines(path)).slice(2, -1)).toEqual([
      '  #  layer             shape          stride  field  operator',
      '     add               4×4 tokens×16       8      8  Add',
      '     block0.attention  4×4 tokens×16       8  image  Add',
      '* 1  block0            4×4 tokens×16       8  image  Add',
    ]);
    const { layers } = await facts(path);
    expect(layers.at(-1)).toMatchObject({
      number: 1,
      tensor: 'block0',
      layout: 'tokens',
      prefix: 1,
      field: 'whole image',
      sensible: true,
    });
    const all = await facts('--all', path);
    expect(all.layers.filter(({ live }) => live === false).map(({ tensor }) => tensor)).toContain('block1');
  });

  test('works out sizes that the file leaves free', async () => {
    const free = { ...classifier(), inputs: [value('x', ['n', 1, 'h', 'w'])] };
    const path = file(onnx(free));
    expect((await lines(path))[3]).toBe('* 1  r      4×?×?       1      3  Relu');
    expect((await lines(path, '--size', '224'))[3]).toBe('* 1  r      4×224×224       1      3  Relu');
    expect((await facts(path)).layers[0]).not.toHaveProperty('size');
    const given = await facts(path, '--size', '20');
    expect(given.layers[0]).toMatchObject({
      size: { rows: 20, columns: 20 },
      field: { rows: 3, columns: 3 },
    });
  });

  test('gives rows and columns where they differ, and a long name a line of its own', async () => {
    const long = `/${'encoder/'.repeat(9)}Relu_output_0`;
    const nodes = [
      node('Conv', 'x,w', 'c', { strides: [2, 1] }),
      node('Relu', 'c', long),
      node('ReduceMean', long, 'y', { axes: [2, 3], keepdims: 0 }),
    ];
    const initialisers = [weights('w', [4, 1, 3, 5])];
    const path = file(onnx({ nodes, initialisers, outputs: [value('y', ['n', 4])] }));
    const [name, row] = (await lines(path)).slice(3);
    expect(name).toBe(`* 1  ${long}`);
    expect(row.trim()).toBe('4×7×12     2×1    3×5  Relu');
  });

  test('takes its numbers from the file where it has some', async () => {
    const metadata = { 'tonno.layers': '["c"]' };
    const { layers } = await facts(file(onnx({ ...classifier(), metadata })));
    expect(layers.map(({ tensor, number }) => [tensor, number])).toEqual([
      ['c', 1],
      ['r', undefined],
    ]);
  });

  test('refuses what is no encoder, has no layers or lists wrong ones', async () => {
    const flat = {
      nodes: [node('Flatten', 'x', 'f'), node('MatMul', 'f,w', 'y')],
      initialisers: [weights('w', [256, 2])],
      outputs: [value('y', ['n', 2])],
    };
    const wrong = { ...classifier(), metadata: { 'tonno.layers': '["nowhere"]' } };
    const cases: [bytes: Uint8Array, problem: string][] = [
      [readFileSync(fileURLToPath(import.meta.url)), 'This is no ONNX model.'],
      [onnx(flat), 'No tensor of this network lies in the image'],
      [onnx(wrong), 'Its metadata lists "nowhere" among its layers'],
    ];
    for (const [bytes, problem] of cases) {
      const path = file(bytes);
      const { code, stdout, stderr } = await tonno(['layers', path]);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain(`error: ${path}: ${problem}`);
    }
    expect((await tonno(['layers', RESNET, '--size', '0'])).code).toBe(2);
  });

  test('and info agree on the numbers', async () => {
    const { stdout } = await succeed(['info', RESNET]);
    const listed = stdout.split('\n').filter((line) => line.includes('stride'));
    expect(listed.map((line) => line.slice(12).split(' ')[0])).toEqual(['-', '1', '2', '3', '4']);
    const { layers } = JSON.parse((await succeed(['info', '--json', RESNET])).stdout);
    expect(layers.map(({ number }: { number?: number }) => number)).toEqual([undefined, 1, 2, 3, 4]);
  });
});
