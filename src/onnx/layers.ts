/**
 * The spatial layers of a network: the tensors that a class activation map can be made of. The graph is walked once
 * from the image on, tensors carrying their stride and how much of the image reaches them, and nothing is run.
 * Sensible layers are those that every path from the image to the output goes through, the last of each stride: what
 * people call layer1 to layer4 of a ResNet, and the last block of a transformer whose tokens still matter.
 */
import type { NodeProto } from 'onnx-buf';
import { isNumber } from './dimensions.ts';
import { type ImageLayout, imageInput, imageLayout } from './image-input.ts';
import { isStandard, type Model, opset, tensorType } from './model.ts';
import { Constants } from './nodes.ts';
import { bottlenecks, isShape, liveMaps, sensibleTensors } from './sensible.ts';
import { inferGraph, type Known } from './shapes.ts';
import { axesOf, type SpatialLayout, type SpatialMap, type Surroundings } from './spatial.ts';
import { spatialFlow } from './spatial-rules.ts';

/** A tensor whose elements lie in the image, in one of the forms that `layout` lists. */
export interface SpatialLayer {
  readonly tensor: string;
  /** The operator that makes the tensor. */
  readonly operator: string;
  /** Name of the node that makes it; empty when it has none. */
  readonly node: string;
  /** Pixels of the image from one element to the next. */
  readonly stride: { readonly rows: number; readonly columns: number };
  /**
   * Receptive field: pixels of the image that reach one place, all its channels taken together, through windows that
   * the border does not cut off; windows over up-sampled elements may reach up to one more of those before. Infinite, that
   * is the whole image, once a value joined whose way is not followed, as attention's. What comes through statistics of the
   * plane (global pooling, squeeze-and-excitation, normalisation) is not counted. Araujo, Norris and Sim, "Computing
   * receptive fields of convolutional neural networks", Distill 2019, equation 1.
   */
  readonly field: { readonly rows: number; readonly columns: number };
  /** Elements along the image, where the image's size is known and everything on the way is understood. */
  readonly size: { readonly rows: number; readonly columns: number } | undefined;
  readonly channels: number | undefined;
  /**
   * [n, channels, rows, columns] (`nchw`) or [n, rows, columns, channels] (`nhwc`), or with the plane in one axis, row
   * by row: [n, prefix + rows·columns, channels] (`tokens`) or [n, channels, prefix + rows·columns] (`channel-tokens`).
   */
  readonly layout: SpatialLayout;
  /** Class and register tokens before those of the image; 0 in maps. */
  readonly prefix: number;
  /** Every path from the image to the output goes through it. */
  readonly bottleneck: boolean;
  /**
   * False where the output owes nothing to the elements in the image: behind the last attention of a transformer whose
   * head reads its class token alone.
   */
  readonly live: boolean;
  /** The last layer of its stride, or the last of all: a good place for a class activation map. */
  readonly sensible: boolean;
}

export interface SpatialLayersOptions {
  /** Name of the image input; the first fed input of rank 4 by default. */
  readonly input?: string;
  readonly layout?: ImageLayout;
  /** Name of the tensor that counts as the network's result; the first output by default. */
  readonly output?: string;
  /** Pixels of the image, where the graph leaves them free. */
  readonly size?: { readonly rows: number; readonly columns: number };
}

/**
 * Every tensor on the way from the image to the output whose elements still lie in the image, in the graph's order.
 * Paths end at operators that leave the plane (global pooling, Flatten, a class token picked) and at those that are
 * not understood; a network without a spatial layer gives an empty list.
 */
export function spatialLayers(model: Model, options: SpatialLayersOptions = {}): SpatialLayer[] {
  const { graph } = model;
  const entry = entryOf(model, options);
  if (!entry) return [];
  const { image, start, shape } = entry;
  const known = inferGraph(graph, opset(model), new Map([[image, { element: 'float32', shape }]]));
  const output = options.output ?? graph.output[0].name;
  const nodes = between(graph.node, image, output);
  const { maps, at } = follow(nodes, image, start, new Constants(graph), known);
  const passed = new Set(bottlenecks(nodes, image));
  const live = liveMaps(nodes, output, at);
  const sensible = sensibleTensors(nodes, passed, new Map([...maps].filter(([tensor]) => live.has(tensor))));
  return nodes.flatMap((node) =>
    node.output.flatMap((tensor) => {
      const map = maps.get(tensor);
      // Quantised maps have no gradient; their dequantised twin follows.
      if (!map || node.opType === 'QuantizeLinear') return [];
      const marks = {
        bottleneck: passed.has(tensor),
        live: live.has(tensor),
        sensible: sensible.has(tensor),
      };
      return [{ ...describe(tensor, node, map), ...marks }];
    }),
  );
}

/** The image input as the map that the walk begins with, and its shape. */
function entryOf(model: Model, { input, layout: given, size }: SpatialLayersOptions) {
  const image = input ? model.graph.input.find(({ name }) => name === input) : imageInput(model);
  if (!image) return undefined;
  const shape = tensorType(image).shape ?? Array<undefined>(4).fill(undefined);
  if (shape.length !== 4) return undefined;
  const layout = given ?? imageLayout(model, image);
  const places = axesOf({ layout });
  const [r, c] = places.plane;
  const channels = fixed(shape[places.channels]);
  const rows = fixed(shape[r]) ?? size?.rows;
  const columns = fixed(shape[c!]) ?? size?.columns;
  const lengths = new Map([
    [places.channels, channels],
    [r, rows],
    [c, columns],
  ]);
  const axis = (length: number | undefined) => ({ stride: 1, length, field: 1 });
  const start: SpatialMap = { layout, prefix: 0, channels, rows: axis(rows), columns: axis(columns) };
  return {
    image: image.name,
    start,
    // Exporters leave a length free by a name, by nothing or by 0.
    shape: shape.map((dim, i) => lengths.get(i) ?? (dim || `${image.name}.${i}`)),
  };
}

function describe(
  tensor: string,
  node: NodeProto,
  { layout, prefix, channels, rows, columns }: SpatialMap,
): Omit<SpatialLayer, 'bottleneck' | 'live' | 'sensible'> {
  return {
    tensor,
    operator: node.opType,
    node: node.name,
    stride: { rows: rows.stride, columns: columns.stride },
    field: { rows: rows.field, columns: columns.field },
    size:
      rows.length === undefined || columns.length === undefined
        ? undefined
        : { rows: rows.length, columns: columns.length },
    channels,
    layout,
    prefix,
  };
}

function fixed(length: number | string | undefined): number | undefined {
  return typeof length === 'number' && length > 0 ? length : undefined;
}

/** Every tensor through which values of the image go on their way to an output, which is the last. */
export function onTheWay({ graph }: Model, input: string, output: string): Set<string> {
  const nodes = between(graph.node, input, output).filter((node) => !isShape(node));
  return new Set(nodes.flatMap((node) => node.output));
}

/** Nodes that values of the image pass on their way to the output, in the graph's order. */
function between(nodes: readonly NodeProto[], image: string, output: string): NodeProto[] {
  const wanted = new Set([output]);
  const leading = new Set<NodeProto>();
  for (const node of [...nodes].reverse()) {
    if (!node.output.some((value) => wanted.has(value))) continue;
    leading.add(node);
    // Nothing of the image's values passes Shape.
    if (!isShape(node)) for (const value of node.input) wanted.add(value);
  }
  const reached = new Set([image]);
  return nodes.filter((node) => {
    const takes = leading.has(node) && !isShape(node) && node.input.some((value) => reached.has(value));
    if (takes) for (const value of node.output) reached.add(value);
    // Shape nodes are kept because Reshape asks whose shape it is given.
    return takes || (isShape(node) && node.input.some((value) => reached.has(value)));
  });
}

/** The map of each tensor that is one, and what may be asked of the graph besides. */
function follow(
  nodes: readonly NodeProto[],
  image: string,
  start: SpatialMap,
  constants: Constants,
  known: ReadonlyMap<string, Known>,
): { readonly maps: ReadonlyMap<string, SpatialMap>; readonly at: Surroundings } {
  const maps = new Map([[image, start]]);
  const views = new Map<string, SpatialMap>();
  const shapes = new Map<string, string>();
  const seen = new Set([image, ...nodes.flatMap((node) => (isShape(node) ? [] : node.output))]);
  const at: Surroundings = {
    map: (value) => maps.get(value),
    view: (value) => views.get(value),
    shapeOf: (value) => shapes.get(value),
    shape: (value) => known.get(value)?.shape,
    numbers: (value) => {
      const folded = known.get(value)?.values;
      return constants.values(value) ?? (folded?.every(isNumber) ? folded : undefined);
    },
    ofImage: (value) => seen.has(value),
    constants,
  };
  for (const node of nodes) {
    if (!isStandard(node.domain)) continue;
    if (node.opType === 'Shape' && node.attribute.length === 0) shapes.set(node.output[0], node.input[0]);
    for (const [output, tensor] of node.output.entries()) {
      const flow = tensor === '' ? undefined : spatialFlow(node, at, output);
      if (flow && 'map' in flow) maps.set(tensor, flow.map);
      else if (flow) views.set(tensor, flow.view);
    }
  }
  maps.delete(image);
  return { maps, at };
}
