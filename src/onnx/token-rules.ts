/**
 * How maps become the tokens of a transformer and tokens maps again, and how tokens that are not of the image come
 * and go before them. A plane is flattened in place: its rows one behind the other, the channels staying where they
 * are in memory, so [n, C, h, w] has one form as tokens, [n, C, h·w], and [n, h, w, C] the other.
 */
import type { NodeProto } from 'onnx-buf';
import { type Dim, isNumber } from './dimensions.ts';
import { intAttribute } from './nodes.ts';
import {
  axesOf,
  everywhere,
  hasTokens,
  integers,
  positiveAxis,
  type SpatialLayout,
  type SpatialMap,
  type SpatialRule,
  type Surroundings,
} from './spatial.ts';

/** The layout that holds the same elements in the same order with the plane in one axis instead of two. */
const twins: Readonly<Record<SpatialLayout, SpatialLayout>> = {
  nchw: 'channel-tokens',
  nhwc: 'tokens',
  tokens: 'nhwc',
  'channel-tokens': 'nchw',
};

/**
 * The map that a reshaping of `from` is: in its own layout or its twin.
 * @param batch n of the tensor that is reshaped; lengths that are not known must have left it alone.
 */
export function reshaped(
  from: SpatialMap,
  shape: readonly Dim[],
  batch: Dim | undefined,
): SpatialMap | undefined {
  return [from.layout, twins[from.layout]]
    .map((layout): SpatialMap => ({ ...from, layout }))
    .find((map) => (hasTokens(map) || map.prefix === 0) && fits(map, shape, batch));
}

function fits(map: SpatialMap, shape: readonly Dim[], batch: Dim | undefined): boolean {
  const { rank, channels, plane } = axesOf(map);
  if (shape.length !== rank || shape[channels] !== map.channels) return false;
  const lengths = hasTokens(map) ? [tokenCount(map)] : [map.rows.length, map.columns.length];
  const matches = plane.map((axis, i) => {
    const found = shape[axis];
    // One row of unknown length would be the whole plane turned into a row.
    if (lengths[i] === undefined && found === 1) return false;
    return isNumber(found) && lengths[i] !== undefined ? found === lengths[i] : undefined;
  });
  return !matches.includes(false) && (matches.every(Boolean) || (batch !== undefined && shape[0] === batch));
}

/** Tokens in all, those before the image's included. */
export function tokenCount({ prefix, rows, columns }: SpatialMap): number | undefined {
  return rows.length === undefined || columns.length === undefined
    ? undefined
    : prefix + rows.length * columns.length;
}

/** Class and register tokens put before those of the image. */
export const joinTokens: SpatialRule = ({ input }, at) => {
  const map = at.map(input.at(-1) ?? '');
  if (!map || !hasTokens(map)) return undefined;
  const [axis] = axesOf(map).plane;
  const before = input.slice(0, -1).map((value) => (at.map(value) ? undefined : at.shape(value)?.[axis]));
  if (!before.every(isNumber)) return undefined;
  return { map: { ...map, prefix: before.reduce((sum, length) => sum + length, map.prefix) } };
};

/** The last part of tokens that are split. */
export const splitTokens: SpatialRule = (node, at, output) => {
  const map = at.map(node.input[0]);
  if (!map || output < node.output.length - 1) return undefined;
  const before = node.output.slice(0, -1).map((value) => at.shape(value)?.[tokenAxis(map)]);
  if (!before.every(isNumber)) return undefined;
  return takeTokens(
    map,
    before.reduce((a, b) => a + b, 0),
    Number.POSITIVE_INFINITY,
    undefined,
  );
};

/** Some tokens from `start` to before `end`: a map as long as all of the image's are among them. */
export function takeTokens(
  map: SpatialMap,
  start: number,
  end: number,
  total: Dim | undefined,
): { readonly map: SpatialMap } | undefined {
  const length = isNumber(total) ? total : tokenCount(map);
  const place = (index: number) => (index < 0 ? (length === undefined ? Number.NaN : index + length) : index);
  const [from, to] = [place(start), place(end)];
  const whole = to >= (length ?? unbounded);
  return from <= map.prefix && whole ? { map: { ...map, prefix: map.prefix - from } } : undefined;
}

/** Exporters write "to the end" as the largest integer of 32 or 64 bits. */
const unbounded = 2 ** 30;

/** Tokens picked by constant indices; all of the image's, in their order, or the path ends. */
export const gather: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  const picked = tokensPicked(node, at);
  if (!map || !picked || picked.length < 2) return undefined;
  const [first] = picked;
  const inOrder = picked.every((index, i) => index === first + i);
  return inOrder
    ? takeTokens(map, first, first + picked.length, at.shape(node.input[0])?.[tokenAxis(map)])
    : undefined;
};

/** True of a node that reads from tokens only such as are not of the image, as a head on the class token does. */
export function readsPrefixOnly(node: NodeProto, at: Surroundings, output: number): boolean {
  const map = at.map(node.input[0]);
  if (!map || map.prefix === 0) return false;
  if (node.opType === 'Gather') {
    const picked = tokensPicked(node, at);
    return picked?.every((index) => index >= 0 && index < map.prefix) ?? false;
  }
  const made = at.shape(node.output[output])?.[tokenAxis(map)];
  if (node.opType === 'Slice') {
    const starts = slicedFrom(node, at, tokenAxis(map));
    return starts !== undefined && starts >= 0 && isNumber(made) && starts + made <= map.prefix;
  }
  if (node.opType === 'Split' && positiveAxis(intAttribute(node, 'axis') ?? 0, map) === tokenAxis(map)) {
    const upTo = node.output.slice(0, output + 1).map((value) => at.shape(value)?.[tokenAxis(map)]);
    return upTo.every(isNumber) && upTo.reduce((a, b) => a + b, 0) <= map.prefix;
  }
  return false;
}

/** Where a Slice begins along an axis. */
function slicedFrom(node: NodeProto, at: Surroundings, axis: number): number | undefined {
  const axes = integers(node, 'axes', 3, at)?.map((a) => (a < 0 ? a + 3 : a));
  const found = axes ? axes.indexOf(axis) : axis;
  return found < 0 ? undefined : integers(node, 'starts', 1, at)?.[found];
}

function tokensPicked(node: NodeProto, at: Surroundings): readonly number[] | undefined {
  const map = at.map(node.input[0]);
  if (!map || !hasTokens(map)) return undefined;
  if (positiveAxis(intAttribute(node, 'axis') ?? 0, map) !== tokenAxis(map)) return undefined;
  return at.numbers(node.input[1]);
}

/** Of tokens, which axis they are counted along. */
function tokenAxis(map: SpatialMap): number {
  return axesOf(map).plane[0];
}

/**
 * A dense layer over channels that lie last, its weight fixed: of maps as ConvNeXt has, of tokens, and of either
 * written one below the other as a matrix. One that mixes tokens has another operand or another layout.
 */
export const dense: SpatialRule = (node, at) => {
  const [value, weight] = node.input;
  const shape = at.constants.shape(weight) ?? (at.ofImage(weight) ? undefined : at.shape(weight));
  if (shape?.length !== 2) return undefined;
  const made = shape[node.opType === 'Gemm' && intAttribute(node, 'transB') ? 0 : 1];
  const channels = isNumber(made) ? made : undefined;
  const map = at.map(value);
  if (map) return isChannelsLast(map) ? { map: { ...map, channels } } : undefined;
  const view = at.view(value);
  const rows = at.shape(value);
  const isMatrix = view && isChannelsLast(view) && rows?.length === 2 && rows[1] === view.channels;
  return isMatrix && !intAttribute(node, 'transA') ? { view: { ...view, channels } } : undefined;
};

function isChannelsLast(map: SpatialMap): boolean {
  const { rank, channels } = axesOf(map);
  return channels === rank - 1;
}

/** What is left of a map's place when a value joins it whose way is not followed. */
export function joinedByUnknown(map: SpatialMap, value: string, at: Surroundings): SpatialMap {
  if (at.map(value) || !at.ofImage(value)) return map;
  // One number a channel for the whole plane is a statistic of it, as squeeze-and-excitation multiplies by.
  const { rank, plane } = axesOf(map);
  const shape = at.shape(value);
  const isStatistic = shape && plane.every((axis) => [1, undefined].includes(lengthAt(shape, axis, rank)));
  return isStatistic ? map : everywhere(map);
}

/** The length along an axis of a tensor that is broadcast to a rank; undefined for one that is not there. */
function lengthAt(shape: readonly Dim[], axis: number, rank: number): number | undefined {
  const length = shape[axis - (rank - shape.length)];
  return isNumber(length) || length === undefined ? length : Number.NaN;
}
