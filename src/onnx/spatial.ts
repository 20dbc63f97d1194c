/**
 * What is known of a tensor on the way from the image to the output without running the network: whether its
 * elements still lie somewhere in the image, how far apart, and in how many channels. Strides and lengths are
 * counted along rows and columns of the input image; `spatial-rules.ts` says how each operator changes them.
 */
import type { NodeProto } from 'onnx-buf';
import type { ImageLayout } from './image-input.ts';
import type { Constants } from './nodes.ts';

export interface SpatialAxis {
  /** Pixels of the image from one element to the next; below 1 after up-sampling beyond the image. */
  readonly stride: number;
  /** Number of elements, where the image's size is fixed and everything since is understood. */
  readonly length: number | undefined;
}

/** A tensor of rank 4 whose elements still lie somewhere in the image. */
export interface SpatialMap {
  readonly layout: ImageLayout;
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
  readonly constants: Constants;
}

/** A map, another view of the elements of a map, or neither. */
export type Flow = { readonly map: SpatialMap } | { readonly view: SpatialMap } | undefined;

/** What output number `output` of a node is; undefined when it is no map or the operator is not understood. */
export type SpatialRule = (node: NodeProto, at: Surroundings, output: number) => Flow;

/** True when two maps have the same strides, up to the rounding of the divisions they came from. */
export function sameGrid(a: SpatialMap, b: SpatialMap): boolean {
  const equal = (p: SpatialAxis, q: SpatialAxis) => Math.abs(p.stride - q.stride) <= 1e-9 * q.stride;
  return equal(a.rows, b.rows) && equal(a.columns, b.columns);
}
