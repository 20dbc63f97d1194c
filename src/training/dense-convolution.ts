/**
 * Convolutions over few pixels with many weights, as the last stages of a network have them, as one matrix product for
 * the whole batch: what each window meets becomes a row [kernel × channels], and the weights lie as the product wants
 * them, [kernel, input channels, output channels]. Engines multiply image by image there, and turn the weights round
 * for the way back at every step; so written both ways are large products of plain matrices, twice as fast.
 */
import type { NodeProto } from 'onnx-buf';
import { isNumber, type WindowAxis } from '../onnx/dimensions.ts';
import { isStandard, type Model } from '../onnx/model.ts';
import { intAttribute, useCounts } from '../onnx/nodes.ts';
import type { Operators } from '../onnx/operators.ts';
import { windowAxes } from '../onnx/windows.ts';
import { hasFewerWeights } from './batch-norm.ts';
import type { Parameter } from './parameters.ts';

/** [output channels, input channels, rows, columns] as it is stored: [rows, columns, input, output]. */
const KERNEL_FIRST: readonly number[] = [2, 3, 1, 0];

export class DenseConvolutions {
  /** Parameters that are fed in another order of axes. */
  readonly orders = new Map<string, readonly number[]>();
  private readonly o: Operators;
  private readonly parameters: ReadonlyMap<string, Parameter>;
  private readonly uses: ReadonlyMap<string, number>;

  constructor(o: Operators, { graph }: Model, parameters: ReadonlyMap<string, Parameter>) {
    this.o = o;
    this.parameters = parameters;
    this.uses = useCounts(graph);
  }

  /** Adds a convolution as a matrix product where that is faster; false for any other node, which is the caller's. */
  take(node: NodeProto): boolean {
    if (!isStandard(node.domain) || node.opType !== 'Conv' || (intAttribute(node, 'group') ?? 1) > 1) {
      return false;
    }
    const [x, weight, bias] = node.input;
    const parameter = this.parameters.get(weight);
    if (parameter?.shape.length !== 4 || this.uses.get(weight) !== 1) return false;
    const lengths = this.o.builder.shape(x).slice(2);
    const windows = windowAxes(node, lengths, parameter.shape.slice(2));
    if (!windows || !lengths.every(isNumber)) return false;
    const sizes = windows.map((window, axis) => positions(window, lengths[axis]));
    if (hasFewerWeights(parameter.shape, sizes)) return false;
    this.orders.set(weight, KERNEL_FIRST);
    const [co, ci, rows, columns] = parameter.shape;
    const stored = this.o.builder.input(weight, [rows, columns, ci, co]);
    const met = this.met(x, windows, sizes, ci);
    const shift = bias ? this.parameters.get(bias) : undefined;
    if (shift && !this.o.builder.has(bias)) this.o.builder.input(bias, shift.shape);
    const product = this.o.op('Gemm', [met, this.o.reshape(stored, [-1, co]), bias || undefined]);
    const image = this.o.reshape(product, [-1, ...sizes, co]);
    this.o.builder.node('Transpose', [image], { perm: [0, 3, 1, 2] }, [node.output[0]]);
    return true;
  }

  /** [n·positions, kernel·ci]: a row for each position of the windows. */
  private met(x: string, windows: readonly WindowAxis[], sizes: readonly number[], ci: number): string {
    const { o } = this;
    const axes = [1, 2];
    const begins = windows.map(({ begin }) => begin);
    const ends = windows.map(({ end }) => end);
    const canvas = o.padAxes(o.transpose(x, [0, 2, 3, 1]), axes, begins, ends);
    const along = (tensor: string, axis: number, element: number) => {
      const { kernel, stride, dilation } = windows[axis];
      if (kernel === 1 && stride === 1) return tensor;
      const start = element * dilation;
      return o.slice(tensor, [start], [start + (sizes[axis] - 1) * stride + 1], [axes[axis]], [stride]);
    };
    // Rows first, then columns of each: what comes back is gathered in as many steps, not for each element at once.
    const elements = (axis: number) => Array.from({ length: windows[axis].kernel }, (_, i) => i);
    const parts = elements(0).flatMap((i) => {
      const rows = along(canvas, 0, i);
      return elements(1).map((j) => along(rows, 1, j));
    });
    return o.reshape(o.concat(parts, 3), [-1, parts.length * ci]);
  }
}

/** How many positions a window has along an axis. */
function positions({ kernel, stride, dilation, begin, end }: WindowAxis, length: number): number {
  return Math.floor((length + begin + end - dilation * (kernel - 1) - 1) / stride) + 1;
}
