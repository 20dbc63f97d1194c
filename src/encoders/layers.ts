/**
 * Which layer of an encoder a class activation map is made of: a number, or any tensor's name. Numbers are short for
 * the layers that the file itself lists or, where it lists none, for the last four sensible ones, which are layer1 to
 * layer4 of a ResNet. What cannot be a layer is refused by what it is, with names that can.
 */
import { EncoderError, UsageError } from '../errors.ts';
import { onTheWay, type SpatialLayer, spatialLayers } from '../onnx/layers.ts';
import { type Model, opset } from '../onnx/model.ts';
import { inferGraph } from '../onnx/shapes.ts';
import type { Encoder } from './external.ts';
import { nearest, quoted } from './nearest.ts';

/** As many layers as papers number: those of a ResNet. */
const mostNumbers = 4;

/** What is asked of an encoder here. */
export type LayeredEncoder = Pick<Encoder, 'name' | 'input' | 'output' | 'layout' | 'metadata'>;

export interface EncoderLayersOptions {
  /** Pixels of a slice, where the graph leaves them free. */
  readonly size?: { readonly rows: number; readonly columns: number };
}

/**
 * The spatial layers on the way from an encoder's image to its logits, from the image on.
 * @param model what `parseModel` makes of `encoder.model`.
 */
export function encoderLayers(
  model: Model,
  { input, output, layout }: LayeredEncoder,
  { size }: EncoderLayersOptions = {},
): SpatialLayer[] {
  return spatialLayers(model, { input, output, layout, ...(size && { size }) });
}

/**
 * The layers that numbers from 1 on stand for: those that the file's metadata lists (`tonno.layers`), in its order, or
 * the last four sensible ones; fewer where there are fewer. A listed layer keeps its number where it has none to offer:
 * undefined for a tensor that is a single element at the image's size, as the last stage of a network on small slices.
 * @throws EncoderError when the metadata lists what the graph does not make.
 */
export function numberedLayers(
  { name, metadata }: Pick<Encoder, 'name' | 'metadata'>,
  layers: readonly SpatialLayer[],
  { graph }: Model,
): (SpatialLayer | undefined)[] {
  if (!metadata.layers) return layers.filter(({ sensible }) => sensible).slice(-mostNumbers);
  return metadata.layers.map((listed) => {
    const found = layers.find(({ tensor }) => tensor === listed);
    if (found || graph.node.some(({ output }) => output.includes(listed))) return found;
    throw new EncoderError(
      name,
      `Its metadata lists "${listed}" among its layers ("tonno.layers"), but the graph makes no tensor of that name.`,
      { remedy: 'List names of tensors before the pooling, or leave the list out.' },
    );
  });
}

/**
 * The layer that `choice` means: a number from 1 on, as `numberedLayers` counts them, or the name of a tensor. A name
 * that is itself a number means the tensor only where there is no layer of that number.
 * @param model what `parseModel` makes of `encoder.model`.
 * @throws UsageError when there is no such layer, or the tensor is one of which no class activation map can be made.
 * @throws EncoderError when the network has no spatial layer at all, or its metadata lists what is none.
 */
export function resolveLayer(
  choice: string,
  model: Model,
  encoder: LayeredEncoder,
  options: EncoderLayersOptions = {},
): SpatialLayer {
  const layers = encoderLayers(model, encoder, options);
  requireLayers(encoder, layers);
  const all = numberedLayers(encoder, layers, model);
  const isNumber = /^\d+$/.test(choice);
  const place = isNumber ? Number(choice) - 1 : -1;
  const wanted = encoder.metadata.layers?.[place] ?? choice;
  const found = all[place] ?? layers.find(({ tensor }) => tensor === wanted);
  if (found?.live) return found;
  const numbered = all.filter((layer) => layer !== undefined);
  const problem = found
    ? `The output depends on nothing that lies in the image at "${wanted}": behind the last attention its head reads the class token alone.`
    : (tooCoarse(wanted, model, encoder, options) ?? otherTensor(wanted, model, encoder));
  if (problem) throw new UsageError(encoder.name, problem, { remedy: advice(numbered) });
  if (isNumber) {
    throw new UsageError(encoder.name, `There is no layer ${choice}: ${counted(numbered.length)}.`, {
      remedy: advice(numbered),
    });
  }
  const names = [...numbered, ...layers.filter(({ sensible }) => sensible), ...layers];
  const near = nearest(choice, [...new Set(names.map(({ tensor }) => tensor))], { parts: true });
  throw new UsageError(encoder.name, `There is no layer "${choice}".`, {
    remedy: near.length > 0 ? `Did you mean ${quoted(near)}?` : advice(numbered),
  });
}

/** What is wrong with a layer that has room for one element at this size; undefined when that is not it. */
function tooCoarse(
  tensor: string,
  model: Model,
  encoder: LayeredEncoder,
  { size }: EncoderLayersOptions,
): string | undefined {
  if (!size || !encoderLayers(model, encoder).some((layer) => layer.tensor === tensor)) return undefined;
  return `At slices of ${size.rows}×${size.columns} the layer "${tensor}" has one element for the whole slice, so that there is no map.`;
}

/** @throws EncoderError when a network has none. */
export function requireLayers({ name }: Pick<Encoder, 'name'>, layers: readonly SpatialLayer[]): void {
  if (layers.length > 0) return;
  throw new EncoderError(
    name,
    'No tensor of this network lies in the image, as far as its graph can be followed, so no class activation map can be made of it.',
    { remedy: 'Reconstruct its logit, or export the network with the standard operators of ONNX.' },
  );
}

/** What a tensor is that is there and no layer, as a sentence; undefined when there is no such tensor. */
function otherTensor(tensor: string, model: Model, { input, output }: LayeredEncoder): string | undefined {
  const { graph } = model;
  if (tensor === input) return `"${tensor}" is the image itself, not a layer.`;
  const maker = graph.node.find((node) => tensor !== '' && node.output.includes(tensor));
  const fixed = graph.initializer.some(({ name }) => name === tensor) || maker?.opType === 'Constant';
  if (fixed) return `"${tensor}" is a weight, which is the same for every image.`;
  if (!maker && !graph.input.some(({ name }) => name === tensor)) return undefined;
  if (!onTheWay(model, input, output).has(tensor)) {
    return `"${tensor}" is not on the way from the image to the output "${output}".`;
  }
  const shape = inferGraph(graph, opset(model)).get(tensor)?.shape;
  const described = shape ? `its shape is [${shape.join(', ')}]` : 'the graph does not give its shape';
  return `The elements of "${tensor}" lie nowhere in the image, as far as the graph can be followed; ${described}.`;
}

function advice(numbered: readonly SpatialLayer[]): string {
  const names = quoted(
    numbered.map(({ tensor }) => tensor),
    ', ',
  );
  const all = 'tonno layers lists all.';
  if (numbered.length === 0) return `Choose one by its name; ${all}`;
  if (numbered.length === 1) return `Choose 1, which is ${names}, or another name; ${all}`;
  return `Choose a number from 1 to ${numbered.length}, which are ${names}, or another name; ${all}`;
}

function counted(count: number): string {
  if (count === 0) return 'the layers of this network have no numbers';
  return `this network has ${count === 1 ? 'one that has a number' : `${count} that have numbers`}`;
}
