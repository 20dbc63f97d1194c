/**
 * How operators change a spatial map: one table, at the end, from operator to rule. A rule gets the maps of its
 * inputs and says what its output is; operators that leave the plane (global pooling, Flatten) have no rule, like
 * those that are not understood, and the path ends there. What becomes tokens and back stands in `token-rules.ts`.
 */
import type { NodeProto } from 'onnx-buf';
import { type Dim, isNumber } from './dimensions.ts';
import { intAttribute, intsAttribute, textAttribute } from './nodes.ts';
import {
  axesOf,
  everywhere,
  hasTokens,
  integers,
  isAligned,
  isChannelAxis,
  joined,
  positiveAxis,
  type SpatialAxis,
  type SpatialLayout,
  type SpatialMap,
  type SpatialRule,
  type Surroundings,
} from './spatial.ts';
import {
  dense,
  gather,
  joinedByUnknown,
  joinTokens,
  reshaped,
  splitTokens,
  takeTokens,
} from './token-rules.ts';

/** The first input's shape is the output's. */
const same: SpatialRule = ({ input }, at) => {
  const map = at.map(input[0]);
  if (map) return { map };
  const view = at.view(input[0]);
  return view && { view };
};

/** All inputs are broadcast against each other. */
const broadcast: SpatialRule = ({ input }, at) => {
  const maps = input.flatMap((value) => at.map(value) ?? []);
  if (maps.length === 0) return broadcastViews(input, at);
  const [first] = maps;
  if (!maps.every((map) => isAligned(map, first))) return undefined;
  const counts = maps.map((map) => map.channels);
  const weights = input.flatMap((value) => at.constants.shape(value) ?? []);
  const known = counts.includes(undefined) ? undefined : Math.max(...(counts as number[]));
  // A map of one channel times a constant [1, C, 1, 1] has C channels, an attention map times a map likewise.
  const spread = known === 1 && weights.some((length) => length > 1);
  const map = input.reduce((wide, value) => joinedByUnknown(wide, value, at), joined(maps));
  return { map: { ...map, channels: spread ? undefined : known } };
};

function broadcastViews(input: readonly string[], at: Surroundings): ReturnType<SpatialRule> {
  const viewed = input.filter((value) => at.view(value));
  if (viewed.length !== 1) return undefined;
  const [view, shape] = [at.view(viewed[0])!, at.shape(viewed[0])?.join()];
  // Statistics of a view have fewer elements; what has as many came another way.
  const mixed = input.some(
    (value) => value !== viewed[0] && at.ofImage(value) && at.shape(value)?.join() === shape,
  );
  return { view: mixed ? everywhere(view) : view };
}

/** Slides a window over NCHW: convolutions and poolings. */
const window =
  (
    channels: (map: SpatialMap, weight: number[] | undefined, group: number) => number | undefined,
  ): SpatialRule =>
  (node, at) => {
    const map = at.map(node.input[0]);
    if (map?.layout !== 'nchw') return undefined;
    const weight = node.opType === 'Conv' ? at.constants.shape(node.input[1]) : undefined;
    const kernel = intsAttribute(node, 'kernel_shape') ?? weight?.slice(2);
    const axis = (which: 0 | 1) =>
      slide(which === 0 ? map.rows : map.columns, {
        kernel: kernel?.[which],
        stride: intsAttribute(node, 'strides')?.[which] ?? 1,
        dilation: intsAttribute(node, 'dilations')?.[which] ?? 1,
        pads: intsAttribute(node, 'pads') ?? [0, 0, 0, 0],
        which,
        auto: textAttribute(node, 'auto_pad') ?? 'NOTSET',
        ceil: intAttribute(node, 'ceil_mode') === 1,
      });
    return {
      map: {
        ...map,
        channels: channels(map, weight, intAttribute(node, 'group') ?? 1),
        rows: axis(0),
        columns: axis(1),
      },
    };
  };

interface Window {
  readonly kernel: number | undefined;
  readonly stride: number;
  readonly dilation: number;
  readonly pads: readonly number[];
  readonly which: 0 | 1;
  readonly auto: string;
  readonly ceil: boolean;
}

function slide(axis: SpatialAxis, window: Window): SpatialAxis {
  const { kernel, stride, dilation } = window;
  return {
    stride: axis.stride * stride,
    length: axis.length === undefined ? undefined : windowCount(axis.length, window),
    field: kernel === undefined ? Number.POSITIVE_INFINITY : widened(axis, dilation * (kernel - 1)),
  };
}

/** How much of the image reaches a window that spans some steps from one element to the next. */
function widened({ field, stride }: SpatialAxis, steps: number): number {
  return field + steps * stride;
}

/** Output length as in ONNX's Conv and MaxPool. */
function windowCount(
  length: number,
  { kernel, stride, dilation, pads, which, auto, ceil }: Window,
): number | undefined {
  if (auto.startsWith('SAME')) return Math.ceil(length / stride);
  if (kernel === undefined) return undefined;
  const padded = auto === 'VALID' ? length : length + pads[which] + pads[which + 2];
  const steps = (padded - dilation * (kernel - 1) - 1) / stride;
  return (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1;
}

const transposedConvolution: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  if (map?.layout !== 'nchw') return undefined;
  const weight = at.constants.shape(node.input[1]);
  const channels = weight && weight[1] * (intAttribute(node, 'group') ?? 1);
  const kernel = intsAttribute(node, 'kernel_shape') ?? weight?.slice(2);
  const axis = (which: 0 | 1): SpatialAxis => {
    const from = which === 0 ? map.rows : map.columns;
    const stride = intsAttribute(node, 'strides')?.[which] ?? 1;
    const dilation = intsAttribute(node, 'dilations')?.[which] ?? 1;
    // An element reaches as many as its kernel spans, of which every stride-th comes from another element.
    const steps = kernel ? Math.floor((dilation * (kernel[which] - 1)) / stride) : Number.POSITIVE_INFINITY;
    return { stride: from.stride / stride, length: undefined, field: widened(from, steps) };
  };
  return { map: { ...map, channels, rows: axis(0), columns: axis(1) } };
};

const concat: SpatialRule = (node, at) => {
  const maps = node.input.map((value) => at.map(value));
  const last = maps.at(-1);
  const axis = intAttribute(node, 'axis');
  if (last && hasTokens(last) && axis !== undefined && isPlaneAxis(axis, last))
    return joinTokens(node, at, 0);
  const [first] = maps;
  if (!first || !isChannelAxis(axis, first)) return undefined;
  const { rank, channels: channelAxis } = axesOf(first);
  let channels: number | undefined = 0;
  for (const [i, map] of maps.entries()) {
    // A constant may be joined to a map, coordinates for instance; anything unknown may be of another kind.
    const constant = map ? undefined : at.constants.shape(node.input[i]);
    if (map ? !isAligned(map, first) : constant?.length !== rank) return undefined;
    const more: number | undefined = map ? map.channels : constant?.[channelAxis];
    channels = channels === undefined || more === undefined ? undefined : channels + more;
  }
  return { map: { ...joined(maps.filter((map) => map !== undefined)), channels } };
};

const split: SpatialRule = (node, at, output) => {
  const map = at.map(node.input[0]);
  const axis = intAttribute(node, 'axis') ?? 0;
  if (map && hasTokens(map) && isPlaneAxis(axis, map)) return splitTokens(node, at, output);
  if (!map || !isChannelAxis(axis, map)) return undefined;
  const parts = integers(node, 'split', 1, at);
  const even = map.channels !== undefined && !node.input[1] ? map.channels / node.output.length : undefined;
  return { map: { ...map, channels: parts?.[output] ?? (Number.isInteger(even) ? even : undefined) } };
};

/**
 * Taking some of the channels, dropping tokens that are not of the image and taking every k-th row or column keep
 * the plane; anything else is a crop, whose place is not followed.
 */
const slice: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  const axes = integers(node, 'axes', 3, at);
  if (!map || !axes) return undefined;
  const [starts, ends] = [integers(node, 'starts', 1, at), integers(node, 'ends', 2, at)];
  const steps = node.input[4] ? at.numbers(node.input[4]) : axes.map(() => 1);
  let taken: SpatialMap | undefined = map;
  for (const [i, axis] of axes.entries()) {
    const of = positiveAxis(axis, map);
    if (isChannelAxis(of, map)) taken = taken && { ...taken, channels: undefined };
    else if (!taken || !starts || !ends || !steps) return undefined;
    else taken = sliceOf(taken, of, [starts[i], ends[i], steps[i]], at.shape(node.input[0])?.[of]);
  }
  return taken && { map: taken };
};

function sliceOf(
  map: SpatialMap,
  axis: number,
  [start, end, step]: readonly [start: number, end: number, step: number],
  length: Dim | undefined,
): SpatialMap | undefined {
  const whole = end > 2 ** 30 || (isNumber(length) && end >= length);
  if (start === 0 && whole && step === 1) return map;
  const { plane } = axesOf(map);
  if (!isPlaneAxis(axis, map)) return undefined;
  if (hasTokens(map)) return step === 1 ? takeTokens(map, start, end, length)?.map : undefined;
  if (!whole || start < 0 || start >= step) return undefined;
  const which = axis === plane[0] ? 'rows' : 'columns';
  const from = map[which];
  // Seldom alone: the rows and columns between go beside it into channels, so that together they are a window.
  const taken: SpatialAxis = {
    stride: from.stride * step,
    length: from.length && Math.ceil((from.length - start) / step),
    field: widened(from, step - 1),
  };
  return { ...map, [which]: taken };
}

function isPlaneAxis(axis: number, map: SpatialMap): boolean {
  return axesOf(map).plane.some((own) => own === positiveAxis(axis, map));
}

const pad: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  if (!map || hasTokens(map)) return undefined;
  const pads = integers(node, 'pads', 1, at);
  const all = pads?.length === 8 && !node.input[3] ? pads : undefined;
  const axis =
    map.layout === 'nchw' ? { channels: 1, rows: 2, columns: 3 } : { channels: 3, rows: 1, columns: 2 };
  const grown = (length: number | undefined, a: number) =>
    all && length !== undefined ? length + all[a] + all[a + 4] : undefined;
  return {
    map: {
      ...map,
      channels: grown(map.channels, axis.channels),
      rows: { ...map.rows, length: grown(map.rows.length, axis.rows) },
      columns: { ...map.columns, length: grown(map.columns.length, axis.columns) },
    },
  };
};

/** Constant scales or, where lengths are known, constant sizes. */
const resize: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  if (map?.layout !== 'nchw' || node.attribute.some(({ name }) => name === 'axes')) return undefined;
  // Upsample and Resize 10 take (X, scales); since 11 it is (X, roi, scales, sizes).
  const scales = at.numbers(node.input.length === 2 ? node.input[1] : (node.input[2] ?? ''));
  const sizes = at.numbers(node.input[3] ?? '');
  const axis = (from: SpatialAxis, a: 2 | 3): SpatialAxis | undefined => {
    const { stride, length } = from;
    const scale =
      scales?.length === 4 ? scales[a] : sizes?.length === 4 && length ? sizes[a] / length : undefined;
    if (scale === undefined) return undefined;
    const made = scales?.length === 4 ? length && Math.floor(length * scale) : sizes?.[a];
    return { stride: stride / scale, length: made, field: widened(from, interpolated(node, scale)) };
  };
  const rows = axis(map.rows, 2);
  const columns = axis(map.columns, 3);
  return rows && columns && { map: { ...map, rows, columns } };
};

/** Steps from the first to the last element that Resize makes one of: none for the nearest. */
function interpolated(node: NodeProto, scale: number): number {
  const reach = { linear: 1, cubic: 3 }[textAttribute(node, 'mode') ?? 'nearest'] ?? 0;
  const filtered = intAttribute(node, 'antialias') === 1 && scale < 1;
  if (scale === 1) return 0;
  return filtered ? Math.ceil((reach + 1) / scale) : reach;
}

const exchanges: Readonly<Record<string, Partial<Record<SpatialLayout, SpatialLayout>>>> = {
  '0,2,3,1': { nchw: 'nhwc' },
  '0,3,1,2': { nhwc: 'nchw' },
  '0,2,1': { tokens: 'channel-tokens', 'channel-tokens': 'tokens' },
};

const transpose: SpatialRule = (node, at) => {
  const perm = intsAttribute(node, 'perm');
  const map = at.map(node.input[0]);
  if (map) {
    const layout = perm?.every((axis, i) => axis === i) ? map.layout : exchanges[`${perm}`]?.[map.layout];
    return layout && { map: { ...map, layout } };
  }
  // Channel shuffle: [n, groups, channels/groups, rows, columns] with the two in the middle exchanged.
  const view = at.view(node.input[0]);
  return view?.layout === 'nchw' && `${perm}` === '0,2,1,3,4' ? { view } : undefined;
};

/**
 * Into tokens, out of a map and back: the shape of a map, or lengths with its channels in their place, make it that
 * map again.
 */
const reshape: SpatialRule = (node, at) => {
  const [value, wanted = ''] = node.input;
  const from = at.map(value) ?? at.view(value);
  if (!from) return undefined;
  const like = at.map(at.shapeOf(wanted) ?? '');
  if (like) return { map: joined([like, from]) };
  const made = at.shape(node.output[0]);
  const map = made && reshaped(from, made, at.shape(value)?.[0]);
  if (map) return { map };
  const shape = integers(node, 'shape', 1, at);
  return shape && hasShape(from, shape) ? { map: from } : { view: from };
};

function hasShape(map: SpatialMap, shape: readonly number[]): boolean {
  const inPlace = (length: number | undefined, wanted: number) =>
    wanted === length || (length === undefined && wanted !== 1);
  const [, a, b, c] = shape;
  const [channels, rows, columns] = map.layout === 'nchw' ? [a, b, c] : [c, a, b];
  return (
    !hasTokens(map) &&
    shape.length === 4 &&
    channels === map.channels &&
    (rows === -1 || inPlace(map.rows.length, rows)) &&
    (columns === -1 || inPlace(map.columns.length, columns))
  );
}

/** Attention over channels leaves a map of one channel; any other reduction ends the path. */
const reduce: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  const axes = integers(node, 'axes', 1, at);
  const keeps = (intAttribute(node, 'keepdims') ?? 1) === 1;
  if (!map || !keeps || axes?.length !== 1 || !isChannelAxis(axes[0], map)) return undefined;
  return { map: { ...map, channels: 1 } };
};

const rearrange =
  (direction: 1 | -1): SpatialRule =>
  (node, at) => {
    const map = at.map(node.input[0]);
    if (map?.layout !== 'nchw') return undefined;
    const factor = (intAttribute(node, 'blocksize') ?? 1) ** direction;
    const axis = (from: SpatialAxis): SpatialAxis => ({
      stride: from.stride * factor,
      length: from.length && from.length / factor,
      field: widened(from, Math.max(0, factor - 1)),
    });
    return {
      map: {
        ...map,
        channels: map.channels && map.channels * factor ** 2,
        rows: axis(map.rows),
        columns: axis(map.columns),
      },
    };
  };

/** Only numbers can be followed further; a map cast to integers or booleans is an index or a mask. */
const cast: SpatialRule = (node, at, output) =>
  floatTypes.has(intAttribute(node, 'to') ?? 0) ? same(node, at, output) : undefined;
const floatTypes = new Set([1, 10, 11, 16]);

const table = (names: string, rule: SpatialRule) =>
  Object.fromEntries(names.split(' ').map((name) => [name, rule]));

const rules: Readonly<Record<string, SpatialRule>> = {
  ...table('Relu LeakyRelu PRelu Elu Selu Celu ThresholdedRelu Gelu HardSigmoid HardSwish Mish Swish', same),
  ...table('Sigmoid Tanh Softplus Softsign Softmax LogSoftmax Clip Dropout Identity Shrink', same),
  ...table('Abs Neg Exp Log Sqrt Reciprocal Floor Ceil Round Erf Sign Sin Cos', same),
  ...table('BatchNormalization InstanceNormalization GroupNormalization LayerNormalization', same),
  ...table('LRN LpNormalization MeanVarianceNormalization QuantizeLinear DequantizeLinear', same),
  ...table('Add Sub Mul Div Pow Max Min Sum Mean Where', broadcast),
  ...table(
    'AveragePool MaxPool LpPool',
    window((map) => map.channels),
  ),
  ...table('Resize Upsample', resize),
  ...table('ReduceMean ReduceMax ReduceMin ReduceSum ReduceL1 ReduceL2', reduce),
  Conv: window((_, weight) => weight?.[0]),
  ConvTranspose: transposedConvolution,
  Cast: cast,
  Concat: concat,
  DepthToSpace: rearrange(-1),
  Gather: gather,
  Gemm: dense,
  MatMul: dense,
  Pad: pad,
  Reshape: reshape,
  Slice: slice,
  SpaceToDepth: rearrange(1),
  Split: split,
  Transpose: transpose,
};

/** Applies the rule of a node of ONNX's own operators. */
export const spatialFlow: SpatialRule = (node, at, output) => {
  const rule = Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
  // Only Split has further outputs that are maps; elsewhere they are masks, indices and running statistics.
  if (rule === undefined || (output > 0 && node.opType !== 'Split')) return undefined;
  const flow = rule(node, at, output);
  if (!flow || !('map' in flow)) return flow;
  const { map } = flow;
  const shape = at.shape(node.output[output]);
  // One pixel is no map: older exporters write global pooling as a pooling of the whole plane.
  const isPixel = map.rows.length === 1 && map.columns.length === 1;
  return isPixel || (shape && shape.length !== axesOf(map).rank) ? undefined : { map: completed(map, shape) };
};

/** What a rule left open may follow from shapes. */
function completed(map: SpatialMap, shape: readonly Dim[] | undefined): SpatialMap {
  const { channels, plane } = axesOf(map);
  const fixed = (axis: number | undefined) => {
    const length = axis === undefined ? undefined : shape?.[axis];
    return isNumber(length) ? length : undefined;
  };
  const along = (axis: SpatialAxis, own: number | undefined) => ({
    ...axis,
    length: axis.length ?? fixed(own),
  });
  const [rows, columns] = hasTokens(map) ? [] : plane;
  return {
    ...map,
    channels: map.channels ?? fixed(channels),
    rows: along(map.rows, rows),
    columns: along(map.columns, columns),
  };
}
