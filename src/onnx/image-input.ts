/**
 * What a graph tells about the images it wants: which axis holds the channels and how many there are. The axes'
 * lengths tell most of it; where they do not, the first operators behind the input do, because ONNX convolves
 * NCHW only and exporters of NHWC networks transpose first.
 */
import type { NodeProto, ValueInfoProto } from 'onnx-buf';
import { type Dimension, graphInputs, isStandard, type Model, tensorType } from './model.ts';
import { Constants, intAttribute, intsAttribute } from './nodes.ts';

export type ImageLayout = 'nchw' | 'nhwc';

/** The first fed input of rank 4, or of unknown rank where there is none: where an image would go in. */
export function imageInput(model: Model): ValueInfoProto | undefined {
  const inputs = graphInputs(model);
  return (
    inputs.find((input) => tensorType(input).shape?.length === 4) ??
    inputs.find((input) => tensorType(input).shape === undefined)
  );
}

/** Images have few channels and long sides: a fixed axis up to this length may hold channels. */
const mostChannels = 64;

/**
 * Where the channels of an image input are: NCHW when a convolution takes it as it is, NHWC when it is transposed
 * to NCHW first; otherwise the axis, second or last, that alone has a small fixed length; NCHW in doubt.
 */
export function imageLayout(model: Model, input: ValueInfoProto): ImageLayout {
  const shape = tensorType(input).shape ?? [];
  const second = mayBeChannels(shape[1]);
  const last = mayBeChannels(shape[3]);
  const first = firstOf(model, input.name, ['Conv', 'Transpose']);
  if (first?.opType === 'Conv') return 'nchw';
  const toNchw = first && intsAttribute(first, 'perm')?.join() === '0,3,1,2';
  if (toNchw && !(second && !last)) return 'nhwc';
  return last && !second ? 'nhwc' : 'nchw';
}

/** Channels of an image input: the length of its axis or, where that is free, what the first convolution takes. */
export function imageChannels(model: Model, input: ValueInfoProto, layout: ImageLayout): number | undefined {
  const length = tensorType(input).shape?.[layout === 'nchw' ? 1 : 3];
  if (typeof length === 'number' && length > 0) return length;
  const convolution = firstOf(model, input.name, ['Conv']);
  const weight = convolution && new Constants(model.graph).shape(convolution.input[1]);
  return convolution && weight && weight[1] * (intAttribute(convolution, 'group') ?? 1);
}

function mayBeChannels(length: Dimension): boolean {
  return typeof length === 'number' && length > 0 && length <= mostChannels;
}

/** Operators that may stand between an image and the first layer without changing its channels. */
const transparent = new Set(
  'Identity Cast Add Sub Mul Div Clip Pad Transpose BatchNormalization QuantizeLinear DequantizeLinear'.split(
    ' ',
  ),
);

/** The first node of one of these kinds that an image reaches through transparent operators. */
function firstOf({ graph }: Model, input: string, kinds: readonly string[]): NodeProto | undefined {
  const reached = new Set([input]);
  for (const node of graph.node) {
    if (!isStandard(node.domain) || !reached.has(node.input[0])) continue;
    if (kinds.includes(node.opType)) return node;
    if (transparent.has(node.opType)) reached.add(node.output[0]);
  }
  return undefined;
}
