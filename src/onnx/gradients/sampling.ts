/**
 * Gradients of operators that take elements of their input at other places: they are linear, so that each is a matrix
 * along an axis, and the gradient is its transpose. The matrix is made in the graph, from the operator itself.
 */
import { isNumber } from '../dimensions.ts';
import { intsAttribute } from '../nodes.ts';
import { positiveAxes } from '../shapes.ts';
import type { Rule, Site } from './rule.ts';

/** 0, 1, … to before a length, int64 [length]. */
function range({ o, builder }: Site, length: string): string {
  const [known] = builder.known(length).values ?? [];
  if (isNumber(known)) return o.ints(Array.from({ length: known }, (_, i) => i));
  const limit = o.reshape(length, []);
  return o.op('Range', [builder.scalar(0, 'int64'), limit, builder.scalar(1, 'int64')]);
}

/** A matrix with ones where the elements of two integer vectors are equal: [rows, columns]. */
function coincidence(at: Site, rows: string, columns: string, element: string): string {
  const { o } = at;
  return o.cast(o.op('Equal', [o.unsqueeze(rows, [1]), o.unsqueeze(columns, [0])]), element);
}

/** The product of a matrix [length, k] with one axis of g, k long. */
function alongAxis({ o }: Site, matrix: string, g: string, axis: number): string {
  const rank = o.builder.shape(g).length;
  if (axis === rank - 2) return o.op('MatMul', [matrix, g]);
  const swap = Array.from({ length: rank }, (_, i) => (i === axis ? rank - 1 : i === rank - 1 ? axis : i));
  const product = o.op('MatMul', [o.transpose(g, swap), o.transpose(matrix, [1, 0])]);
  return o.transpose(product, swap);
}

/** Each element gets the gradients of all places that it was taken to. */
export const gather: Rule = (at) => [
  () => {
    const { o, builder, g } = at;
    const [x, indices] = at.x;
    const axis = at.axis(0);
    const length = o.length(x, axis);
    const list = o.cast(o.reshape(indices, [-1]), 'int64');
    // Negative indices count from the end.
    const places = o.where(o.less(list, 0), o.add(list, length), list);
    const matrix = coincidence(at, range(at, length), places, builder.known(x).element);
    // The axes of the indices become one, where the axis of x was.
    const lengths = at.shape(x).map((_, i) => o.length(x, i));
    return alongAxis(at, matrix, o.reshapeTo(g, lengths.with(axis, o.length(list, 0))), axis);
  },
];

/** Nearest, linear and cubic interpolation, whatever the convention of coordinates. */
export const resize: Rule = (at) => [
  () => {
    const { builder, x, y } = at;
    if (at.text('keep_aspect_ratio_policy', 'stretch') !== 'stretch') {
      throw at.refuse('it keeps the aspect ratio', 'Give it sizes to stretch to.');
    }
    if (at.text('coordinate_transformation_mode', '') === 'tf_crop_and_resize') {
      throw at.refuse('it crops', 'Crop with Slice.');
    }
    const listed = intsAttribute(at.node, 'axes');
    const axes = positiveAxes(listed ?? at.shape(x[0]).map((_, axis) => axis), at.rank(x[0]));
    const scales = x[3] ? undefined : builder.known(x[2]).values;
    if (!x[3] && !scales?.every(isNumber)) {
      throw at.refuse('its scales are computed while the network runs', 'Export it with fixed lengths.');
    }
    return axes.reduce((g, axis, i) => {
      const scale = scales?.[i] as number | undefined;
      const untouched = scale === undefined ? at.shape(x[0])[axis] === at.shape(y)[axis] : scale === 1;
      return untouched ? g : alongAxis(at, resizingMatrix(at, axis, scale), g, axis);
    }, at.g);
  },
];

/** What the operator makes of unit vectors along one axis of its input: [length of the input, length of the output]. */
function resizingMatrix(at: Site, axis: number, scale: number | undefined): string {
  const { o, builder, x, y } = at;
  const places = range(at, o.length(x[0], axis));
  const identity = o.unsqueeze(coincidence(at, places, places, builder.known(x[0]).element), [1, 3]);
  const sizes = o.concat([o.length(x[0], axis), o.ints([1]), o.length(y, axis), o.ints([1])], 0);
  const steering =
    scale === undefined ? ['', '', sizes] : ['', builder.constant(Float32Array.of(1, 1, scale, 1), [4])];
  const names = ['coordinate_transformation_mode', 'mode', 'nearest_mode'];
  const texts = names.map((name) => [name, at.text(name, '') || undefined] as const);
  const resized = o.op('Resize', [identity, ...steering], {
    ...Object.fromEntries(texts),
    cubic_coeff_a: at.float('cubic_coeff_a', -0.75),
    ...(at.int('antialias', 0) === 1 && { antialias: 1 }),
    ...(at.int('exclude_outside', 0) === 1 && { exclude_outside: 1 }),
  });
  return o.reshapeTo(resized, [o.length(x[0], axis), o.length(y, axis)]);
}
