/**
 * Adam's arithmetic as a WebAssembly function, four numbers at a time: in plain JavaScript the update of five million
 * weights takes as long as a tenth of the gradient. The module is a few instructions and is written out here.
 *
 * Everything is float32 in the order of PyTorch's and of `adam.ts`, so that both give the same bits.
 */

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
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(kernel()), { m: { m: memory } });
    const step = exports.f as (...values: number[]) => void;
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

// Types, and where parameters and locals stand.
const [I32, F32, V128] = [0x7f, 0x7d, 0x7b];
const [END, WEIGHTS, GRADIENT, MEAN, SQUARE] = [0, 1, 2, 3, 4];
const FIRST_FACTOR = 5;
const FACTORS = 7;
const [X, M, V] = [12, 13, 14];
/** The factors, each in all lanes. */
const [BETA1, REST1, BETA2, REST2, SIZE, ROOT, EPSILON] = [15, 16, 17, 18, 19, 20, 21];

// Instructions (WebAssembly core specification 2.0, 5.4).
const get = (local: number) => [0x20, local];
const set = (local: number) => [0x21, local];
const tee = (local: number) => [0x22, local];
const load = (address: number) => [...get(address), 0xfd, 0x00, 2, 0];
const store = [0xfd, 0x0b, 2, 0];
const splat = [0xfd, 0x13];
const root = [0xfd, 0xe3, 0x01];
const add = [0xfd, 0xe4, 0x01];
const subtract = [0xfd, 0xe5, 0x01];
const multiply = [0xfd, 0xe6, 0x01];
const divide = [0xfd, 0xe7, 0x01];
const advance = (address: number) => [...get(address), 0x41, 4 * LANES, 0x6a, ...set(address)];

/** The bytes of the module: memory in, one function out. */
function kernel(): Uint8Array<ArrayBuffer> {
  const factors = Array.from({ length: FACTORS }, (_, i) => i);
  const body = [
    ...factors.flatMap((i) => [...get(FIRST_FACTOR + i), ...splat, ...set(BETA1 + i)]),
    ...[0x03, 0x40], // loop
    ...[...load(GRADIENT), ...set(X)],
    // mean = β₁·mean + (1 − β₁)·x
    ...[...get(MEAN), ...get(BETA1), ...load(MEAN), ...multiply],
    ...[...get(REST1), ...get(X), ...multiply, ...add, ...tee(M), ...store],
    // square = β₂·square + (1 − β₂)·x·x
    ...[...get(SQUARE), ...get(BETA2), ...load(SQUARE), ...multiply],
    ...[...get(REST2), ...get(X), ...multiply, ...get(X), ...multiply, ...add, ...tee(V), ...store],
    // weights −= size·mean / (√square·root + ε)
    ...[...get(WEIGHTS), ...load(WEIGHTS), ...get(SIZE), ...get(M), ...multiply],
    ...[
      ...get(V),
      ...root,
      ...get(ROOT),
      ...multiply,
      ...get(EPSILON),
      ...add,
      ...divide,
      ...subtract,
      ...store,
    ],
    ...[WEIGHTS, GRADIENT, MEAN, SQUARE].flatMap(advance),
    ...[...get(WEIGHTS), ...get(END), 0x49, 0x0d, 0], // again while weights < end
    ...[0x0b, 0x0b],
  ];
  const locals = [2, 3, V128, FACTORS, V128];
  const code = [...locals, ...body];
  const parameters = [...Array<number>(FIRST_FACTOR).fill(I32), ...Array<number>(FACTORS).fill(F32)];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, parameters.length, ...parameters, 0]),
    ...section(2, [1, ...name('m'), ...name('m'), 0x02, 0x00, 0x00]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('f'), 0x00, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

function section(id: number, content: readonly number[]): number[] {
  return [id, ...unsigned(content.length), ...content];
}

function name(letter: string): number[] {
  return [1, letter.charCodeAt(0)];
}

/** LEB128. */
function unsigned(value: number): number[] {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >> 7)];
}
