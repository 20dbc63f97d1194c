/**
 * Where in a graph a class activation map is best made. What everything passes tells most of the class, the last of
 * it at each stride; a skip that goes around a tensor carries what the tensor does not show. A tensor whose image
 * elements the output does not depend on shows nothing at all.
 */
import type { NodeProto } from 'onnx-buf';
import { isStandard } from './model.ts';
import { type SpatialMap, type Surroundings, sameGrid } from './spatial.ts';
import { readsPrefixOnly } from './token-rules.ts';

/** True of nodes that nothing of their input's values passes. */
export function isShape({ opType, domain }: NodeProto): boolean {
  return isStandard(domain) && (opType === 'Shape' || opType === 'Size');
}

/**
 * Maps of which the output depends on elements in the image. Where a map stays a map each element goes to its like, so
 * it lives as long as what is made of it; any other operator mixes the elements, unless it picks the class token.
 */
export function liveMaps(nodes: readonly NodeProto[], output: string, at: Surroundings): Set<string> {
  const live = new Set([output]);
  const isFollowed = (value: string) => at.map(value) !== undefined || at.view(value) !== undefined;
  for (const node of nodes.toReversed()) {
    if (isShape(node)) continue;
    const reads = node.output.some((made, output) => {
      if (made === '') return false;
      return isFollowed(made) ? live.has(made) : !readsPrefixOnly(node, at, output);
    });
    if (reads) for (const value of node.input) if (isFollowed(value)) live.add(value);
  }
  return live;
}

/**
 * The last map of each stride. Tensors that everything passes are preferred; at a stride where there is none (a U-Net's
 * skips go around everything) it is the last that is sampled down or up.
 * @param through tensors that everything passes, in the graph's order.
 */
export function sensibleTensors(
  nodes: readonly NodeProto[],
  through: Iterable<string>,
  maps: ReadonlyMap<string, SpatialMap>,
): Set<string> {
  const last = new Map<string, string>();
  // Strides that are the same by different divisions differ in their last digits.
  const stride = ({ rows, columns }: SpatialMap) =>
    [rows, columns].map((a) => a.stride.toPrecision(9)).join();
  for (const tensor of resampled(nodes, maps)) last.set(stride(maps.get(tensor)!), tensor);
  const passed = [...through].filter((tensor) => maps.has(tensor));
  for (const tensor of passed) last.set(stride(maps.get(tensor)!), tensor);
  const final = passed.at(-1) ?? [...maps.keys()].at(-1);
  if (final !== undefined) last.set('final', final);
  return new Set(last.values());
}

/** Maps that a node turns into maps of another stride, in the order in which they are made. */
function resampled(nodes: readonly NodeProto[], maps: ReadonlyMap<string, SpatialMap>): string[] {
  const found = new Set<string>();
  // Every second row is no layer, only half of one on its way to be joined: Swin merges patches so.
  const parts = new Set(nodes.flatMap(({ opType, output }) => (opType === 'Slice' ? output : [])));
  for (const { input, output } of nodes) {
    const after = maps.get(output[0]);
    for (const value of after ? input : []) {
      const before = maps.get(value);
      if (before && after && !sameGrid(before, after) && !parts.has(value)) found.add(value);
    }
  }
  return [...maps.keys()].filter((tensor) => found.has(tensor));
}

/**
 * Tensors that every path from the image to the output goes through, in the graph's order. At such a tensor no
 * earlier value is wanted any more, because all that lies between is either before it or after it.
 */
export function bottlenecks(nodes: readonly NodeProto[], image: string): string[] {
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
