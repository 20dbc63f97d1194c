/**
 * What is known of a tensor on the way from the image to the output without running the network: whether its
 * elements still lie somewhere in the image, how far apart, in how many channels, and how much of the image reaches
 * one. Strides, lengths and fields are counted along rows and columns of the input image, also where a transformer
 * keeps its rows one behind the other as tokens; `spatial-rules.ts` says how each operator changes them.
 */
import type { NodeProto } from 'onnx-buf';
import type { Dim } from './dimensions.ts';
import type { ImageLayout } from './image-input.ts';
import { type Constants, intsAttribute } from './nodes.ts';

/**
 * Maps [n, channels, rows, columns] or [n, rows, columns, channels], or the same with the plane in one axis: tokens
 * [n, prefix + rows·columns, channels], or the last two axes the other way round.
 */
export type SpatialLayout = ImageLayout | 'tokens' | 'channel-tokens';

export interface SpatialAxis {
  /** Pixels of the image from one element to the next; below 1 after up-sampling beyond the image. */
  readonly stride: number;
  /** Number of elements, where the image's size is known and everything since is understood. */
  readonly length: number | undefined;
  /** Pixels of the image that reach one element; infinite where any of them may. */
  readonly field: number;
}

/** A tensor whose elements still lie somewhere in the image. */
export interface SpatialMap {
  readonly layout: SpatialLayout;
  /** Tokens before those of the image: class and register tokens. None in maps. */
  readonly prefix: number;
  readonly channels: number | undefined;
  readonly rows: SpatialAxis;
  readonly columns: SpatialAxis;
}

/** What a rule may ask. */
export interface Surroundings {
  /** The map of a value, when it is one. */
  map(value: string): SpatialMap | undefined;
  /** The map whose elements this value holds in another shape, as group normalisation exported by PyTorch needs. */
  view(value: string): SpatialMap | undefined;
  /** For the output of Shape: the value whose shape it is. */
  shapeOf(value: string): string | undefined;
  /** The shape of any value as far as it follows from the graph, free lengths as symbols. */
  shape(value: string): readonly Dim[] | undefined;
  /** The elements of a value that steers an operator: axes, lengths, scales; undefined where they are not fixed. */
  numbers(value: string): readonly number[] | undefined;
  /** True of values that depend on what the image shows, and not only on its size. */
  ofImage(value: string): boolean;
  readonly constants: Constants;
}

/** A map, another view of the elements of a map, or neither. */
export type Flow = { readonly map: SpatialMap } | { readonly view: SpatialMap } | undefined;

/** What output number `output` of a node is; undefined when it is no map or the operator is not understood. */
export type SpatialRule = (node: NodeProto, at: Surroundings, output: number) => Flow;

/** Integers that a node has as an attribute in old operator sets and as an input since. */
export function integers(
  node: NodeProto,
  name: string,
  input: number,
  at: Surroundings,
): readonly number[] | undefined {
  return intsAttribute(node, name) ?? (node.input[input] ? at.numbers(node.input[input]) : undefined);
}

/** Where a layout has what. */
interface Axes {
  readonly rank: number;
  readonly channels: number;
  /** Of the rows and the columns, which tokens have in one. */
  readonly plane: readonly [rows: number, columns: number] | readonly [tokens: number];
}

const axes: Readonly<Record<SpatialLayout, Axes>> = {
  nchw: { rank: 4, channels: 1, plane: [2, 3] },
  nhwc: { rank: 4, channels: 3, plane: [1, 2] },
  tokens: { rank: 3, channels: 2, plane: [1] },
  'channel-tokens': { rank: 3, channels: 1, plane: [2] },
};

export function axesOf({ layout }: Pick<SpatialMap, 'layout'>): Axes {
  return axes[layout];
}

export function hasTokens({ layout }: Pick<SpatialMap, 'layout'>): boolean {
  return axes[layout].plane.length === 1;
}

/** The same axis, counted from 0, of a tensor in the map's layout. */
export function positiveAxis(axis: number, map: SpatialMap): number {
  return axis < 0 ? axis + axesOf(map).rank : axis;
}

export function isChannelAxis(axis: number | undefined, map: SpatialMap): boolean {
  return axis !== undefined && positiveAxis(axis, map) === axesOf(map).channels;
}

/** True when two maps have the same strides, up to the rounding of the divisions they came from. */
export function sameGrid(a: SpatialMap, b: SpatialMap): boolean {
  const equal = (p: SpatialAxis, q: SpatialAxis) => Math.abs(p.stride - q.stride) <= 1e-9 * q.stride;
  return equal(a.rows, b.rows) && equal(a.columns, b.columns);
}

/** True when the elements of two maps at the same indices lie at the same place. */
export function isAligned(a: SpatialMap, b: SpatialMap): boolean {
  return a.layout === b.layout && a.prefix === b.prefix && sameGrid(a, b);
}

/** The first of some aligned maps, with the widest field of them all. */
export function joined([first, ...others]: readonly SpatialMap[]): SpatialMap {
  const widest = (axis: 'rows' | 'columns') => ({
    ...first[axis],
    field: Math.max(first[axis].field, ...others.map((map) => map[axis].field)),
  });
  return { ...first, rows: widest('rows'), columns: widest('columns') };
}

/** A map whose every element any pixel may reach. */
export function everywhere(map: SpatialMap): SpatialMap {
  const wide = { field: Number.POSITIVE_INFINITY };
  return { ...map, rows: { ...map.rows, ...wide }, columns: { ...map.columns, ...wide } };
}
