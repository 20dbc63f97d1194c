/**
 * An assembler for the few functions that are written in WebAssembly's vector instructions, because JavaScript has
 * none. Code is a list of bytes, an instruction a function from its operands' code to its own, so that a kernel reads
 * as a formula. A module is one function that works in a memory given to it.
 *
 * Opcodes are those of the WebAssembly core specification 2.0, section 5.4.
 */

export type Code = readonly number[];

const types = { i32: 0x7f, f32: 0x7d, f64: 0x7c, v128: 0x7b } as const;
export type ValueType = keyof typeof types;

/** A parameter or a variable of a function. */
export interface Local {
  readonly get: Code;
  set(value: Code): Code;
  /** Sets it and leaves the value for the instruction around it. */
  tee(value: Code): Code;
}

type Build = (parameters: readonly Local[], variable: (type: ValueType) => Local) => Code;

/** The function of an assembled module. */
export type Assembled = (...parameters: number[]) => void;

/**
 * Assembles a module of one function without a result.
 * @param build the function's code from its parameters and as many further variables as it asks for.
 */
export function assemble(parameters: readonly ValueType[], build: Build): Uint8Array<ArrayBuffer> {
  const variables: ValueType[] = [];
  const body = build(
    parameters.map((_, index) => local(index)),
    (type) => local(parameters.length + variables.push(type) - 1),
  );
  const code = [
    ...unsigned(variables.length),
    ...variables.flatMap((type) => [1, types[type]]),
    ...body,
    END,
  ];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, parameters.length, ...parameters.map((type) => types[type]), 0]),
    ...section(2, [1, ...name('m'), ...name('m'), 0x02, 0x00, 0x00]),
    ...section(3, [1, 0]),
    ...section(7, [1, ...name('f'), 0x00, 0]),
    ...section(10, [1, ...unsigned(code.length), ...code]),
  ]);
}

/**
 * The function of an assembled module, at work in a memory.
 * @throws Error where there is no WebAssembly with vectors.
 */
export function instantiate(module: WebAssembly.Module, memory: WebAssembly.Memory): Assembled {
  return new WebAssembly.Instance(module, { m: { m: memory } }).exports.f as Assembled;
}

const END = 0x0b;

/** Runs the body, and again as long as the condition behind it holds. */
export const repeat = (body: Code, condition: Code): Code => [
  0x03,
  0x40,
  ...body,
  ...condition,
  0x0d,
  0,
  END,
];

/** Runs the body if the condition holds. */
export const when = (condition: Code, body: Code): Code => [...condition, 0x04, 0x40, ...body, END];

export const i32 = {
  value: (value: number): Code => [0x41, ...signed(value | 0)],
  load: (address: Code, offset = 0): Code => [...address, 0x28, 2, ...unsigned(offset)],
  add: instruction(0x6a),
  multiply: instruction(0x6c),
  and: instruction(0x71),
  /** Of signed numbers. */
  less: instruction(0x48),
  /** Rounded towards zero; what is too large is the largest there is, and NaN is 0. */
  fromF64: instruction(0xfc, 0x02),
};

export const f64 = {
  value: (value: number): Code => [0x44, ...new Uint8Array(Float64Array.of(value).buffer)],
  load: (address: Code, offset = 0): Code => [...address, 0x2b, 3, ...unsigned(offset)],
  ceil: instruction(0x9b),
  floor: instruction(0x9c),
  add: instruction(0xa0),
  subtract: instruction(0xa1),
  multiply: instruction(0xa2),
  divide: instruction(0xa3),
  min: instruction(0xa4),
  max: instruction(0xa5),
  fromI32: instruction(0xb7),
};

/** All lanes equal, from a float64. */
export const splatF64 = (value: Code): Code => f32x4.splat([...value, 0xb6]);

export const v128 = {
  load: vectorLoad(0x00, 2),
  store: (address: Code, value: Code, offset = 0): Code => [
    ...[...address, ...value],
    ...[0xfd, 0x0b, 2, ...unsigned(offset)],
  ],
  /** Eight bytes in the lower half, zeros above. */
  loadLow: vectorLoad(0x5d, 2),
  /** Eight bytes in both halves. */
  loadTwice: vectorLoad(0x0a, 2),
  /** The vector with eight bytes in its upper half. */
  loadHigh: (vector: Code, address: Code, offset: number): Code => [
    ...[...address, ...vector],
    ...[0xfd, 0x57, 2, ...unsigned(offset), 1],
  ],
};

export const i32x4 = {
  splat: instruction(0xfd, 0x11),
  lane: (vector: Code, lane: number): Code => [...vector, 0xfd, 0x1b, lane],
  shiftLeft: instruction(0xfd, 0xab, 0x01),
  add: instruction(0xfd, 0xae, 0x01),
  multiply: instruction(0xfd, 0xb5, 0x01),
};

export const f32x4 = {
  values: (...values: readonly number[]): Code => [
    ...[0xfd, 0x0c],
    ...new Uint8Array(Float32Array.from(values).buffer),
  ],
  splat: instruction(0xfd, 0x13),
  root: instruction(0xfd, 0xe3, 0x01),
  add: instruction(0xfd, 0xe4, 0x01),
  subtract: instruction(0xfd, 0xe5, 0x01),
  multiply: instruction(0xfd, 0xe6, 0x01),
  divide: instruction(0xfd, 0xe7, 0x01),
  /** Of numbers that are no NaN: one machine instruction, where the proper minimum takes several. */
  min: instruction(0xfd, 0xea, 0x01),
  max: instruction(0xfd, 0xeb, 0x01),
  /** Four lanes of two vectors: 0 to 3 are those of the first, 4 to 7 those of the second. */
  shuffle: (a: Code, b: Code, lanes: readonly number[]): Code => [
    ...[...a, ...b, 0xfd, 0x0d],
    ...lanes.flatMap((lane) => [4 * lane, 4 * lane + 1, 4 * lane + 2, 4 * lane + 3]),
  ],
};

function instruction(...opcode: number[]): (...operands: Code[]) => Code {
  return (...operands) => [...operands.flat(), ...opcode];
}

function vectorLoad(opcode: number, alignment: number): (address: Code, offset?: number) => Code {
  return (address, offset = 0) => [...address, 0xfd, opcode, alignment, ...unsigned(offset)];
}

function local(index: number): Local {
  return {
    get: [0x20, ...unsigned(index)],
    set: (value) => [...value, 0x21, ...unsigned(index)],
    tee: (value) => [...value, 0x22, ...unsigned(index)],
  };
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function name(letter: string): Code {
  return [1, letter.charCodeAt(0)];
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  const last = value >= -0x40 && value < 0x40;
  return last ? [value & 0x7f] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
