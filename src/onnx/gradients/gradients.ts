/**
 * Reverse-mode differentiation of an ONNX graph. One walk from the target back to the sources, over the nodes that
 * lie between them: each node's rule (`rules.ts`) turns the gradients of its outputs into those of its inputs, and
 * what reaches a tensor on several ways is added up. The result is more of the same graph, made of ONNX's standard
 * operators, so that whatever runs the network runs its gradients, and they can be differentiated again. The operators
 * are those that ONNX Runtime's CPU and WebGPU providers both run at operator sets 11 to 21; at 22 and above WebGPU leaves
 * ConvTranspose, which strided convolutions need, to the CPU.
 */
import type { NodeProto } from 'onnx-buf';
import { EncoderError } from '../../errors.ts';
import { GraphBuilder } from '../builder.ts';
import { isStandard, type Model } from '../model.ts';
import { Operators } from '../operators.ts';
import { Site } from './rule.ts';
import { flat, rules } from './rules.ts';

export interface GradientOptions {
  /**
   * Name of the gradient of some later scalar by the target, in the target's shape. Without it the target's elements
   * are summed: for logits [n, K] of more than one class give what picks the class, zeros with ones in its column.
   */
  readonly upstream?: string;
  /** What becomes of a source that the target does not depend on: an error, by default, or a gradient of zeros. */
  readonly unreached?: 'error' | 'zeros';
}

/**
 * Adds the gradients of a tensor to a graph.
 * @param of name of the tensor that is differentiated, usually a scalar or one logit an image.
 * @param by names of inputs, initialisers or intermediate tensors. A gradient by an intermediate tensor holds all that
 *   the target owes to it, as if it were an input.
 * @returns for each source the name of its gradient, a tensor of the source's shape.
 * @throws EncoderError when a name is not in the graph, an operator on the way has no rule, a shape that matters is
 *   unknown, or the target does not depend on a source.
 */
export function gradients(
  builder: GraphBuilder,
  of: string,
  by: readonly string[],
  { upstream, unreached = 'error' }: GradientOptions = {},
): Map<string, string> {
  for (const name of [of, ...by, ...(upstream === undefined ? [] : [upstream])]) requireTensor(builder, name);
  const o = new Operators(builder);
  const path = between(builder, of, by);
  const found = new Map([[of, upstream ?? o.full(1, of)]]);
  for (const { node, inputs } of path.toReversed()) {
    const incoming = node.output.map((name) => found.get(name));
    if (!incoming.some((gradient) => gradient !== undefined)) continue;
    const rule = ruleOf(builder, node);
    const recipes = rule(new Site(node, builder, incoming));
    for (const [i, name] of node.input.entries()) {
      const recipe = inputs.has(name) ? recipes[i] : undefined;
      if (!recipe) continue;
      const before = found.get(name);
      found.set(name, before === undefined ? recipe() : o.add(before, recipe()));
    }
  }
  return new Map(by.map((name) => [name, found.get(name) ?? none(builder, name, of, unreached)]));
}

export interface Differentiated {
  /** The model with the gradients as its last outputs. */
  readonly model: Model;
  /** The output that holds the gradient by each source. */
  readonly gradients: ReadonlyMap<string, string>;
}

/** `gradients` of a model as it is: the same network with one more output a source. */
export function differentiate(
  model: Model,
  of: string,
  by: readonly string[],
  options: GradientOptions = {},
): Differentiated {
  const builder = GraphBuilder.from(model);
  const found = gradients(builder, of, by, options);
  const outputs = [...found].map(
    ([name, gradient]) => [name, builder.output(gradient, builder.fresh(`gradient of ${name}`))] as const,
  );
  return { model: builder.toModel(), gradients: new Map(outputs) };
}

interface Step {
  readonly node: NodeProto;
  /** Those of its inputs that depend on a source. */
  readonly inputs: ReadonlySet<string>;
}

/** Nodes through which the sources' values reach the target, in running order. */
function between(builder: GraphBuilder, of: string, by: readonly string[]): Step[] {
  const reached = new Set(by);
  const forward = builder.nodes.flatMap((node) => {
    if (isStandard(node.domain) && flat.has(node.opType)) return [];
    const inputs = new Set(node.input.filter((name) => reached.has(name)));
    if (inputs.size === 0) return [];
    const smooth = node.output.filter((name) => name !== '' && isSmooth(builder, name));
    for (const name of smooth) reached.add(name);
    return smooth.length > 0 ? [{ node, inputs }] : [];
  });
  const wanted = new Set([of]);
  return forward
    .toReversed()
    .filter(({ node, inputs }) => {
      const leads = node.output.some((name) => wanted.has(name));
      if (leads) for (const name of inputs) wanted.add(name);
      return leads;
    })
    .reverse();
}

/** Only real numbers have gradients; a type that is unknown may be one. */
function isSmooth(builder: GraphBuilder, tensor: string): boolean {
  return /float|unknown/.test(builder.known(tensor).element);
}

function ruleOf(builder: GraphBuilder, node: NodeProto) {
  const standard = isStandard(node.domain);
  if (standard && Object.hasOwn(rules, node.opType)) return rules[node.opType];
  const operator = standard ? node.opType : `${node.domain}.${node.opType}`;
  const called = node.name ? ` "${node.name}"` : '';
  throw new EncoderError(
    builder.name,
    `The operator ${operator} of node${called} (it makes "${node.output[0]}") has no gradient here.`,
    {
      remedy: 'Differentiate by a tensor behind it, or export the network with other operators in its place.',
    },
  );
}

function none(builder: GraphBuilder, source: string, of: string, unreached: 'error' | 'zeros'): string {
  if (unreached === 'zeros') return new Operators(builder).full(0, source);
  throw new EncoderError(builder.name, `"${of}" does not depend on "${source}", or not smoothly.`, {
    remedy: 'Take a tensor that lies before it on the way to it.',
  });
}

function requireTensor(builder: GraphBuilder, name: string): void {
  if (builder.has(name)) return;
  throw new EncoderError(builder.name, `The graph has no tensor "${name}".`, {
    remedy: 'Take the name of an input, an initialiser or a node’s output.',
  });
}
