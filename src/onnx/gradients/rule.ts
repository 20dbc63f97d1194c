/**
 * What a gradient rule is given and what it gives back. A rule answers with one recipe an input: called only when that
 * input's gradient is wanted, it adds the nodes that compute it, in the input's shape. No recipe means that nothing
 * flows there: shapes, indices, masks.
 */
import type { NodeProto } from 'onnx-buf';
import { EncoderError } from '../../errors.ts';
import type { GraphBuilder } from '../builder.ts';
import { type Dim, isNumber } from '../dimensions.ts';
import { floatAttribute, intAttribute, intsAttribute, textAttribute } from '../nodes.ts';
import { Operators } from '../operators.ts';
import { positiveAxes } from '../shapes.ts';

export type Recipe = () => string;
export type Rule = (at: Site) => readonly (Recipe | undefined)[];

/** A node on the way back, with the gradients of its outputs. */
export class Site {
  readonly node: NodeProto;
  readonly o: Operators;
  /** Gradients of the outputs; undefined for those that do not matter. */
  readonly gradients: readonly (string | undefined)[];

  constructor(node: NodeProto, builder: GraphBuilder, gradients: readonly (string | undefined)[]) {
    this.node = node;
    this.o = new Operators(builder);
    this.gradients = gradients;
  }

  get builder(): GraphBuilder {
    return this.o.builder;
  }
  /** Names of the inputs. */
  get x(): readonly string[] {
    return this.node.input;
  }
  /** Name of the first output. */
  get y(): string {
    return this.node.output[0];
  }

  /** Gradient of the first output. */
  get g(): string {
    const [first] = this.gradients;
    if (first !== undefined) return first;
    throw this.refuse(
      'its gradient is wanted by an output other than the first',
      'Leave that output unused.',
    );
  }

  shape(tensor: string): readonly Dim[] {
    return this.builder.shape(tensor);
  }
  rank(tensor: string): number {
    return this.shape(tensor).length;
  }

  int(name: string, otherwise: number): number {
    return intAttribute(this.node, name) ?? otherwise;
  }
  float(name: string, otherwise: number): number {
    return floatAttribute(this.node, name) ?? otherwise;
  }
  text(name: string, otherwise: string): string {
    return textAttribute(this.node, name) ?? otherwise;
  }

  /** Integers that are an attribute in old operator sets and an input in new ones; they must be constant. */
  ints(name: string, input: number): readonly number[] | undefined {
    const given = intsAttribute(this.node, name);
    if (given || !this.x[input]) return given;
    const { values } = this.builder.known(this.x[input]);
    if (values?.every(isNumber)) return values;
    throw this.refuse(`its ${name} are computed while the network runs`, 'Export it with fixed lengths.');
  }

  /** An axis given as an attribute, counted from 0. */
  axis(otherwise: number): number {
    return positiveAxes([this.int('axis', otherwise)], this.rank(this.x[0]))[0];
  }

  /** g summed over the axes along which a tensor was broadcast to g's shape. */
  unbroadcast(g: string, to: string): string {
    // Where nothing is known the error names a tensor of the network, not one of its gradients.
    const from = this.builder.known(g).shape ?? this.shape(this.y);
    const shape = this.shape(to);
    const extra = from.length - shape.length;
    const axes = from.flatMap((dim, axis) =>
      axis < extra || (shape[axis - extra] === 1 && dim !== 1) ? axis : [],
    );
    const leading = axes.length === extra;
    const summed = this.o.sum(g, axes, !leading);
    return extra > 0 && !leading ? this.o.reshapeLike(summed, to) : summed;
  }

  /** An error about this node. */
  refuse(problem: string, remedy: string): EncoderError {
    const called = this.node.name ? ` "${this.node.name}"` : '';
    return new EncoderError(
      this.builder.name,
      `${this.node.opType}${called} (it makes "${this.y}") cannot be differentiated: ${problem}.`,
      { remedy },
    );
  }
}

/** A recipe's intermediate result, computed once however many inputs want it. */
export function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
