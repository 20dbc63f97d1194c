/**
 * How operators change a spatial map: one table, at the end, from operator to rule. A rule gets the maps of its
 * inputs and says what its output is; operators that leave the plane (global pooling, Flatten, Gemm) have no rule,
 * like those that are not understood, and the path ends there.
 */
import { intAttribute, intsAttribute, textAttribute } from './nodes.ts';
import { type SpatialAxis, type SpatialMap, type SpatialRule, sameGrid } from './spatial.ts';

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
  if (maps.length === 0) {
    const views = input.flatMap((value) => at.view(value) ?? []);
    return views.length === 1 ? { view: views[0] } : undefined;
  }
  const [first] = maps;
  if (!maps.every((map) => isAligned(map, first))) return undefined;
  const counts = maps.map((map) => map.channels);
  const weights = input.flatMap((value) => at.constants.shape(value) ?? []);
  const known = counts.includes(undefined) ? undefined : Math.max(...(counts as number[]));
  // A map of one channel times a constant [1, C, 1, 1] has C channels, an attention map times a map likewise.
  const widened = known === 1 && weights.some((length) => length > 1);
  return { map: { ...first, channels: widened ? undefined : known } };
};

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

/** Output length as in ONNX's Conv and MaxPool. */
function slide(
  axis: SpatialAxis,
  { kernel, stride, dilation, pads, which, auto, ceil }: Window,
): SpatialAxis {
  const next = axis.stride * stride;
  if (axis.length === undefined) return { stride: next, length: undefined };
  if (auto.startsWith('SAME')) return { stride: next, length: Math.ceil(axis.length / stride) };
  if (kernel === undefined) return { stride: next, length: undefined };
  const padded = auto === 'VALID' ? axis.length : axis.length + pads[which] + pads[which + 2];
  const steps = (padded - dilation * (kernel - 1) - 1) / stride;
  return { stride: next, length: (ceil ? Math.ceil(steps) : Math.floor(steps)) + 1 };
}

const transposedConvolution: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  if (map?.layout !== 'nchw') return undefined;
  const weight = at.constants.shape(node.input[1]);
  const strides = intsAttribute(node, 'strides') ?? [1, 1];
  const channels = weight && weight[1] * (intAttribute(node, 'group') ?? 1);
  return {
    map: {
      ...map,
      channels,
      rows: { stride: map.rows.stride / strides[0], length: undefined },
      columns: { stride: map.columns.stride / strides[1], length: undefined },
    },
  };
};

const concat: SpatialRule = (node, at) => {
  const maps = node.input.map((value) => at.map(value));
  const [first] = maps;
  if (!first || !isChannelAxis(intAttribute(node, 'axis'), first)) return undefined;
  let channels: number | undefined = 0;
  for (const [i, map] of maps.entries()) {
    // A constant may be joined to a map, coordinates for instance; anything unknown may be of another kind.
    const constant = map ? undefined : at.constants.shape(node.input[i]);
    if (map ? !isAligned(map, first) : constant?.length !== 4) return undefined;
    const more: number | undefined = map ? map.channels : constant?.[channelAxis(first)];
    channels = channels === undefined || more === undefined ? undefined : channels + more;
  }
  return { map: { ...first, channels } };
};

const split: SpatialRule = (node, at, output) => {
  const map = at.map(node.input[0]);
  if (!map || !isChannelAxis(intAttribute(node, 'axis') ?? 0, map)) return undefined;
  const parts =
    intsAttribute(node, 'split') ?? (node.input[1] ? at.constants.values(node.input[1]) : undefined);
  const even = map.channels !== undefined && !node.input[1] ? map.channels / node.output.length : undefined;
  return { map: { ...map, channels: parts?.[output] ?? (Number.isInteger(even) ? even : undefined) } };
};

/** Taking some of the channels keeps the plane; anything else is a crop, whose place is not followed. */
const slice: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  const axes =
    intsAttribute(node, 'axes') ?? (node.input[3] ? at.constants.values(node.input[3]) : undefined);
  return map && axes?.every((axis) => isChannelAxis(axis, map))
    ? { map: { ...map, channels: undefined } }
    : undefined;
};

const pad: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  if (!map) return undefined;
  const pads = intsAttribute(node, 'pads') ?? at.constants.values(node.input[1] ?? '');
  const all = pads?.length === 8 && !node.input[3] ? pads : undefined;
  const axis =
    map.layout === 'nchw' ? { channels: 1, rows: 2, columns: 3 } : { channels: 3, rows: 1, columns: 2 };
  const grown = (length: number | undefined, a: number) =>
    all && length !== undefined ? length + all[a] + all[a + 4] : undefined;
  return {
    map: {
      ...map,
      channels: grown(map.channels, axis.channels),
      rows: { stride: map.rows.stride, length: grown(map.rows.length, axis.rows) },
      columns: { stride: map.columns.stride, length: grown(map.columns.length, axis.columns) },
    },
  };
};

/** Constant scales or, where lengths are known, constant sizes. */
const resize: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  if (map?.layout !== 'nchw' || node.attribute.some(({ name }) => name === 'axes')) return undefined;
  // Upsample and Resize 10 take (X, scales); since 11 it is (X, roi, scales, sizes).
  const scales = at.constants.values(node.input.length === 2 ? node.input[1] : (node.input[2] ?? ''));
  const sizes = at.constants.values(node.input[3] ?? '');
  const axis = ({ stride, length }: SpatialAxis, a: 2 | 3): SpatialAxis | undefined => {
    if (scales?.length === 4) {
      return { stride: stride / scales[a], length: length && Math.floor(length * scales[a]) };
    }
    if (sizes?.length !== 4 || length === undefined) return undefined;
    return { stride: (stride * length) / sizes[a], length: sizes[a] };
  };
  const rows = axis(map.rows, 2);
  const columns = axis(map.columns, 3);
  return rows && columns && { map: { ...map, rows, columns } };
};

const transpose: SpatialRule = (node, at) => {
  const perm = intsAttribute(node, 'perm')?.join();
  const map = at.map(node.input[0]);
  if (map) {
    if (perm === '0,1,2,3') return { map };
    if (perm === '0,2,3,1' && map.layout === 'nchw') return { map: { ...map, layout: 'nhwc' } };
    if (perm === '0,3,1,2' && map.layout === 'nhwc') return { map: { ...map, layout: 'nchw' } };
    return undefined;
  }
  // Channel shuffle: [n, groups, channels/groups, rows, columns] with the two in the middle exchanged.
  const view = at.view(node.input[0]);
  return view?.layout === 'nchw' && perm === '0,2,1,3,4' ? { view } : undefined;
};

/** Out of a map and back: the shape of a map, or four lengths with its channels in their place, make it that map again. */
const reshape: SpatialRule = (node, at) => {
  const from = at.map(node.input[0]) ?? at.view(node.input[0]);
  if (!from) return undefined;
  const like = at.map(at.shapeOf(node.input[1]) ?? '');
  if (like) return { map: like };
  const shape = intsAttribute(node, 'shape') ?? at.constants.values(node.input[1] ?? '');
  return shape && hasShape(from, shape) ? { map: from } : { view: from };
};

function hasShape(map: SpatialMap, shape: readonly number[]): boolean {
  const inPlace = (length: number | undefined, wanted: number) =>
    wanted === length || (length === undefined && wanted !== 1);
  const [, a, b, c] = shape;
  const [channels, rows, columns] = map.layout === 'nchw' ? [a, b, c] : [c, a, b];
  return (
    shape.length === 4 &&
    channels === map.channels &&
    (rows === -1 || inPlace(map.rows.length, rows)) &&
    (columns === -1 || inPlace(map.columns.length, columns))
  );
}

/** Attention over channels leaves a map of one channel; any other reduction ends the path. */
const reduce: SpatialRule = (node, at) => {
  const map = at.map(node.input[0]);
  const axes =
    intsAttribute(node, 'axes') ?? (node.input[1] ? at.constants.values(node.input[1]) : undefined);
  const keeps = (intAttribute(node, 'keepdims') ?? 1) === 1;
  if (!map || !keeps || axes?.length !== 1 || !isChannelAxis(axes[0], map)) return undefined;
  return { map: { ...map, channels: 1 } };
};

/** A dense layer over the channels of an NHWC map, as ConvNeXt has. */
const product: SpatialRule = ({ input }, at) => {
  const map = at.map(input[0]);
  const weight = at.constants.shape(input[1]);
  return map?.layout === 'nhwc' && weight?.length === 2
    ? { map: { ...map, channels: weight[1] } }
    : undefined;
};

const rearrange =
  (direction: 1 | -1): SpatialRule =>
  (node, at) => {
    const map = at.map(node.input[0]);
    if (map?.layout !== 'nchw') return undefined;
    const factor = (intAttribute(node, 'blocksize') ?? 1) ** direction;
    const axis = ({ stride, length }: SpatialAxis) => ({
      stride: stride * factor,
      length: length && length / factor,
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

function channelAxis({ layout }: SpatialMap): number {
  return layout === 'nchw' ? 1 : 3;
}

function isChannelAxis(axis: number | undefined, map: SpatialMap): boolean {
  return axis !== undefined && (axis < 0 ? axis + 4 : axis) === channelAxis(map);
}

function isAligned(a: SpatialMap, b: SpatialMap): boolean {
  return a.layout === b.layout && sameGrid(a, b);
}

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
  MatMul: product,
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
  // One pixel is no map: older exporters write global pooling as a pooling of the whole plane.
  const isPixel = flow && 'map' in flow && flow.map.rows.length === 1 && flow.map.columns.length === 1;
  return isPixel ? undefined : flow;
};
