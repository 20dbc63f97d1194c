/**
 * Adam's arithmetic as a WebAssembly function, four numbers at a time: in plain JavaScript the update of five million
 * weights takes as long as a tenth of the gradient.
 *
 * Everything is float32 in the order of PyTorch's and of `adam.ts`, so that both give the same bits.
 */
import { assemble, type Code, f32x4, i32, instantiate, type Local, repeat, v128 } from '../wasm/assembler.ts';

/** The factors of a step, in the order in which the function takes them. */
export interface Factors {
  readonly beta1: number;
  /** 1 − β₁ */
  readonly rest1: number;
  readonly beta2: number;
  /** 1 − β₂ */
  readonly rest2: number;
  /** Rate over the first bias correction. */
  readonly size: number;
  /** One over the root of the second bias correction. */
  readonly root: number;
  readonly epsilon: number;
}

/** Four vectors of one length in the memory that the function works in. */
export interface KernelVectors {
  readonly weights: Float32Array;
  readonly gradient: Float32Array;
  readonly mean: Float32Array;
  readonly square: Float32Array;
  /** One step over all four; weights and moments change in place. */
  update(factors: Factors): void;
}

const LANES = 4;
const PAGE = 2 ** 16;
/** WebAssembly addresses 4 GiB; engines allow less. */
const MOST_PAGES = 2 ** 15;

/** @returns undefined where the vectors do not fit into the memory, or there is no WebAssembly with vectors. */
export function kernelVectors(count: number): KernelVectors | undefined {
  // Whole groups of four; what fills them up stays 0.
  const length = Math.ceil(count / LANES) * LANES;
  const bytes = 4 * length;
  const pages = Math.ceil((4 * bytes) / PAGE);
  if (count === 0 || pages > MOST_PAGES) return undefined;
  try {
    const memory = new WebAssembly.Memory({ initial: pages });
    const step = instantiate(new WebAssembly.Module(kernel()), memory);
    const vector = (index: number) => new Float32Array(memory.buffer, index * bytes, count);
    return {
      weights: vector(0),
      gradient: vector(1),
      mean: vector(2),
      square: vector(3),
      update: ({ beta1, rest1, beta2, rest2, size, root, epsilon }) =>
        step(bytes, 0, bytes, 2 * bytes, 3 * bytes, beta1, rest1, beta2, rest2, size, root, epsilon),
    };
  } catch {
    return undefined;
  }
}

/** end, weights, gradient, mean, square: addresses; then the factors. */
function kernel(): Uint8Array<ArrayBuffer> {
  const addresses = Array<'i32'>(5).fill('i32');
  const factors = Array<'f32'>(7).fill('f32');
  return assemble([...addresses, ...factors], (parameters, variable) => {
    const [end, weights, gradient, mean, square, ...scalars] = parameters;
    const inAllLanes = scalars.map((scalar) => [variable('v128'), scalar] as const);
    const [beta1, rest1, beta2, rest2, size, root, epsilon] = inAllLanes.map(([vector]) => vector.get);
    const [x, m, v] = [variable('v128'), variable('v128'), variable('v128')];
    const { add, subtract, multiply, divide } = f32x4;
    const load = ({ get }: Local) => v128.load(get);
    const denominator = add(multiply(f32x4.root(v.get), root), epsilon);
    const step: Code = [
      ...x.set(load(gradient)),
      ...m.set(add(multiply(beta1, load(mean)), multiply(rest1, x.get))),
      ...v.set(add(multiply(beta2, load(square)), multiply(multiply(rest2, x.get), x.get))),
      ...v128.store(mean.get, m.get),
      ...v128.store(square.get, v.get),
      ...v128.store(weights.get, subtract(load(weights), divide(multiply(size, m.get), denominator))),
      ...[weights, gradient, mean, square].flatMap((at) => at.set(i32.add(at.get, i32.value(4 * LANES)))),
    ];
    return [
      ...inAllLanes.flatMap(([vector, scalar]) => vector.set(f32x4.splat(scalar.get))),
      ...repeat(step, i32.less(weights.get, end.get)),
    ];
  });
}
