/**
 * The spatial layers of a network: the tensors that a class activation map can be made of. The graph is walked once
 * from the image on, tensors carrying their stride, and nothing is run. Sensible layers are those that every path
 * from the image to the output goes through, the last of each stride: what people call layer1 to layer4 of a ResNet.
 */
import type { NodeProto } from 'onnx-buf';
import { type ImageLayout, imageInput, imageLayout } from './image-input.ts';
import { isStandard, type Model, tensorType } from './model.ts';
import { Constants } from './nodes.ts';
import { type SpatialMap, type Surroundings, sameGrid } from './spatial.ts';
import { spatialFlow } from './spatial-rules.ts';

/** A tensor [n, channels, rows, columns], or [n, rows, columns, channels] where `layout` is NHWC. */
export interface SpatialLayer {
  readonly tensor: string;
  /** The operator that makes the tensor. */
  readonly operator: string;
  /** Name of the node that makes it; empty when it has none. */
  readonly node: string;
  /** Pixels of the image from one element to the next. */
  readonly stride: { readonly rows: number; readonly columns: number };
  /** Where the image's size is fixed and everything on the way is understood. */
  readonly size: { readonly rows: number; readonly columns: number } | undefined;
  readonly channels: number | undefined;
  readonly layout: ImageLayout;
  /** The last layer of its stride, or the last of all: a good place for a class activation map. */
  readonly sensible: boolean;
}

export interface SpatialLayersOptions {
  /** Name of the image input; the first fed input of rank 4 by default. */
  readonly input?: string;
  readonly layout?: ImageLayout;
  /** Name of the tensor that counts as the network's result; the first output by default. */
  readonly output?: string;
}

/**
 * Every tensor on the way from the image to the output that is still a spatial map, in the graph's order. Paths end
 * at operators that leave the plane (global pooling, Flatten, Gemm) and at those that are not understood; a
 * network without a spatial layer gives an empty list.
 */
export function spatialLayers(model: Model, options: SpatialLayersOptions = {}): SpatialLayer[] {
  const image = options.input
    ? model.graph.input.find(({ name }) => name === options.input)
    : imageInput(model);
  if (!image) return [];
  const layout = options.layout ?? imageLayout(model, image);
  const shape = tensorType(image).shape ?? [];
  const [channels, rows, columns] = (layout === 'nchw' ? [1, 2, 3] : [3, 1, 2]).map((axis) =>
    fixed(shape[axis]),
  );
  const start: SpatialMap = {
    layout,
    channels,
    rows: { stride: 1, length: rows },
    columns: { stride: 1, length: columns },
  };
  const nodes = between(model.graph.node, image.name, options.output ?? model.graph.output[0].name);
  const maps = follow(nodes, image.name, start, new Constants(model.graph));
  const sensible = sensibleTensors(nodes, image.name, maps);
  return nodes.flatMap((node) =>
    node.output.flatMap((tensor) => {
      const map = maps.get(tensor);
      // Quantised maps have no gradient; their dequantised twin follows.
      if (!map || node.opType === 'QuantizeLinear') return [];
      return [describe(tensor, node, map, sensible.has(tensor))];
    }),
  );
}

function describe(tensor: string, node: NodeProto, map: SpatialMap, sensible: boolean): SpatialLayer {
  const { rows, columns } = map;
  return {
    tensor,
    operator: node.opType,
    node: node.name,
    stride: { rows: rows.stride, columns: columns.stride },
    size:
      rows.length === undefined || columns.length === undefined
        ? undefined
        : { rows: rows.length, columns: columns.length },
    channels: map.channels,
    layout: map.layout,
    sensible,
  };
}

function fixed(length: number | string | undefined): number | undefined {
  return typeof length === 'number' && length > 0 ? length : undefined;
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

function isShape({ opType, domain }: NodeProto): boolean {
  return isStandard(domain) && (opType === 'Shape' || opType === 'Size');
}

/** The map of each tensor that is one. */
function follow(
  nodes: readonly NodeProto[],
  image: string,
  start: SpatialMap,
  constants: Constants,
): Map<string, SpatialMap> {
  const maps = new Map([[image, start]]);
  const views = new Map<string, SpatialMap>();
  const shapes = new Map<string, string>();
  const at: Surroundings = {
    map: (value) => maps.get(value),
    view: (value) => views.get(value),
    shapeOf: (value) => shapes.get(value),
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
  return maps;
}

/**
 * The last of each stride. Tensors that everything passes are preferred; at a stride where there is none (a U-Net's
 * skips go around everything) it is the last that is sampled down or up.
 */
function sensibleTensors(
  nodes: readonly NodeProto[],
  image: string,
  maps: ReadonlyMap<string, SpatialMap>,
): Set<string> {
  const last = new Map<string, string>();
  // Strides that are the same by different divisions differ in their last digits.
  const stride = ({ rows, columns }: SpatialMap) =>
    [rows, columns].map((a) => a.stride.toPrecision(9)).join();
  for (const tensor of resampled(nodes, maps)) last.set(stride(maps.get(tensor)!), tensor);
  const passed = bottlenecks(nodes, image).filter((tensor) => maps.has(tensor));
  for (const tensor of passed) last.set(stride(maps.get(tensor)!), tensor);
  const final = passed.at(-1) ?? [...maps.keys()].at(-1);
  if (final !== undefined) last.set('final', final);
  return new Set(last.values());
}

/** Maps that a node turns into maps of another stride, in the order in which they are made. */
function resampled(nodes: readonly NodeProto[], maps: ReadonlyMap<string, SpatialMap>): string[] {
  const found = new Set<string>();
  for (const { input, output } of nodes) {
    const after = maps.get(output[0]);
    for (const value of after ? input : []) {
      const before = maps.get(value);
      if (before && after && !sameGrid(before, after)) found.add(value);
    }
  }
  return [...maps.keys()].filter((tensor) => found.has(tensor));
}

/**
 * Tensors that every path from the image to the output goes through, in the graph's order. At such a tensor no
 * earlier value is wanted any more, because all that lies between is either before it or after it.
 */
function bottlenecks(nodes: readonly NodeProto[], image: string): string[] {
  const passing = nodes.filter((node) => !isShape(node));
  const lastUse = new Map<string, number>();
  for (const [index, { input }] of passing.entries()) for (const value of input) lastUse.set(value, index);
  let wantedUntil = lastUse.get(image) ?? -1;
  const found: string[] = [];
  for (const [index, { output }] of passing.entries()) {
    const used = output.filter((value) => lastUse.has(value));
    if (wantedUntil <= index && used.length <= 1 && output[0]) found.push(used[0] ?? output[0]);
    for (const value of used) wantedUntil = Math.max(wantedUntil, lastUse.get(value)!);
  }
  return found;
}
