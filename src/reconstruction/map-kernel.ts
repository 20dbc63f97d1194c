/**
 * Reading stacks of maps at a row of voxels, as WebAssembly vector code. The function goes through the directions of
 * a block and, for each, walks along the row four voxels at a time: positions of four voxels in one vector, then each
 * voxel's cells, of which one load brings as many as lie side by side. It is written for one size of map, so that the
 * distances between neighbouring cells are part of the instructions.
 *
 * Positions are float32, but counted from a whole number near the middle of the row, so that they are short: they
 * agree with float64 to about 1e-6 of a cell. A position beyond the stack or the map is clamped to its border; behind
 * the ends of a stack are zero maps, and clamped there a voxel is given exactly 0.
 */
import {
  type Assembled,
  assemble,
  type Code,
  f32x4,
  f64,
  i32,
  i32x4,
  instantiate,
  type Local,
  repeat,
  splatF64,
  type ValueType,
  v128,
  when,
} from '../wasm/assembler.ts';
import type { Linear } from './positions.ts';

/** Maps [slices, rows, columns, lanes] that a kernel reads. */
export interface MapLayout {
  readonly rows: number;
  readonly columns: number;
  /** Kinds that lie side by side; 1 only for maps of more than one column. */
  readonly lanes: 1 | 2 | 4;
}

/** One direction's line in the table that a kernel goes through. */
export interface TableLine {
  readonly slice: Linear;
  readonly row: Linear;
  readonly column: Linear;
  /** Slices with the two zero maps. */
  readonly slices: number;
  /** Where its maps begin, in bytes. */
  readonly data: number;
}

/** Numbers of a line in the table; each is a float64, the address of the data too. */
export const LINE_LENGTH = 14;

export function tableLine({ slice, row, column, slices, data }: TableLine): number[] {
  return [...[slice, row, column].flatMap((p) => [p.at0, p.byD, p.byH, p.byW]), slices - 1, data];
}

/** Voxels that are read together; rows are filled up to whole groups. */
export const GROUP = 4;

/**
 * Adds the maps' values to one row of voxels, all directions of a table.
 * @param table first byte of the table. @param end the byte behind it.
 * @param row first byte of sums [width, lanes], filled up to whole groups of voxels.
 */
export type MapKernel = (
  table: number,
  end: number,
  row: number,
  width: number,
  d: number,
  h: number,
) => void;

const modules = new Map<string, WebAssembly.Module>();

/** @throws Error where there is no WebAssembly with vectors. */
export function mapKernel(layout: MapLayout, memory: WebAssembly.Memory): MapKernel {
  const key = `${layout.rows}×${layout.columns}×${layout.lanes}`;
  let module = modules.get(key);
  if (!module) {
    module = new WebAssembly.Module(kernel(layout));
    modules.set(key, module);
  }
  const read: Assembled = instantiate(module, memory);
  return (table, end, row, width, d, h) => read(table, end, row, width, width >> 1, d, h);
}

/** Adding it rounds a float32 below 2²² to a whole number, which then stands in the lower bits above ROUNDER_BITS. */
const ROUNDER = 1.5 * 2 ** 23;
const ROUNDER_BITS = 0x4b400000;

/** What stays the same along a row of voxels for one axis of the maps, and where four voxels lie. */
interface Axis {
  /** Bytes from one cell to the next. */
  readonly stride: number;
  readonly strides: Local;
  /** Of the position: the middle voxel's, less `even`, and from one voxel to the next. */
  readonly rest: Local;
  readonly step: Local;
  /** First cell, last cell and last cell that has a next one, less `even`. */
  readonly first: Local;
  readonly last: Local;
  readonly lastPair: Local;
  /** The voxels' cells, rounded by ROUNDER, and how far they are from them to the next. */
  readonly cell: Local;
  readonly fraction: Local;
}

type NewVariable = (type: ValueType) => Local;

function kernel({ rows, columns, lanes }: MapLayout): Uint8Array<ArrayBuffer> {
  return assemble(
    ['i32', 'i32', 'i32', 'i32', 'f64', 'f64', 'f64'],
    ([table, end, row, width, middle, d, h], variable) => {
      const nextColumn = 4 * lanes;
      const nextRow = columns * nextColumn;
      const nextSlice = rows * nextRow;
      const axes = [nextSlice, nextRow, nextColumn].map((stride) => newAxis(stride, variable));
      const lastSlice = f64.load(table.get, 8 * 12);
      const lastCells = [lastSlice, f64.value(rows - 1), f64.value(columns - 1)];
      const [position, even, entry, exit] = [1, 2, 3, 4].map(() => variable('f64'));
      const [origin, voxel, place, stop] = [1, 2, 3, 4].map(() => variable('i32'));
      const [ahead, half, rounder, addresses] = [1, 2, 3, 4].map(() => variable('v128'));

      /** Sets an axis up for a row of voxels, and moves the origin to the cell that positions count from. */
      const begin = (index: number): Code => {
        const { stride, rest, step, first, last, lastPair } = axes[index];
        const [at0, byD, byH, byW] = [0, 8, 16, 24].map((byte) => f64.load(table.get, 32 * index + byte));
        const corner = f64.add(f64.add(at0, f64.multiply(d.get, byD)), f64.multiply(h.get, byH));
        const fromEven = (value: Code) => splatF64(f64.subtract(value, even.get));
        return [
          ...position.set(f64.add(corner, f64.multiply(middle.get, byW))),
          // Even, so that half a cell before the first one, which is a tie, is rounded to the first.
          ...even.set(f64.multiply(f64.value(2), f64.floor(f64.multiply(position.get, f64.value(0.5))))),
          ...rest.set(fromEven(position.get)),
          ...step.set(splatF64(byW)),
          ...first.set(fromEven(f64.value(0))),
          ...last.set(fromEven(lastCells[index])),
          ...lastPair.set(fromEven(f64.max(f64.subtract(lastCells[index], f64.value(1)), f64.value(0)))),
          ...origin.set(i32.add(origin.get, i32.multiply(i32.fromF64(even.get), i32.value(stride)))),
        ];
      };

      /** From the middle voxel's position along the stack: the voxels between the stack's ends, in whole groups. */
      const crossing = (slice: Code) =>
        f64.add(f64.divide(f64.subtract(slice, position.get), f64.load(table.get, 24)), middle.get);
      const range = [
        ...entry.set(crossing(f64.value(0))),
        ...exit.set(crossing(lastSlice)),
        ...voxel.set(i32.fromF64(f64.max(f64.min(entry.get, exit.get), f64.value(0)))),
        ...voxel.set(i32.and(voxel.get, i32.value(-GROUP))),
        ...stop.set(i32.fromF64(f64.min(f64.ceil(f64.max(entry.get, exit.get)), f64.fromI32(width.get)))),
      ];

      const locate = ({ rest, step, first, last, lastPair, cell, fraction }: Axis): Code => {
        const along = f32x4.add(f32x4.multiply(ahead.get, step.get), rest.get);
        const rounded = f32x4.min(f32x4.subtract(fraction.get, half.get), lastPair.get);
        return [
          ...fraction.set(f32x4.min(f32x4.max(along, first.get), last.get)),
          ...cell.set(f32x4.add(rounded, rounder.get)),
          ...fraction.set(f32x4.subtract(fraction.get, f32x4.subtract(cell.get, rounder.get))),
        ];
      };
      const bytes = axes.map(({ cell, strides }) => i32x4.multiply(cell.get, strides.get));
      const reading: Reading = {
        nextSlice,
        nextRow: rows > 1 ? nextRow : 0,
        nextColumn: columns > 1 ? nextColumn : 0,
        addresses,
        fractions: axes.map(({ fraction }) => fraction),
        variable,
      };
      const { code, values } = readers[lanes](reading);
      const group = [
        ...axes.flatMap(locate),
        ...addresses.set(bytes.reduce((sum, term) => i32x4.add(sum, term), i32x4.splat(origin.get))),
        ...code,
        ...values.flatMap((value, index) =>
          v128.store(place.get, f32x4.add(v128.load(place.get, 16 * index), value), 16 * index),
        ),
        ...ahead.set(f32x4.add(ahead.get, f32x4.values(GROUP, GROUP, GROUP, GROUP))),
        ...place.set(i32.add(place.get, i32.value(GROUP * nextColumn))),
      ];
      const inRow = (index: Code) => i32.add(row.get, i32.multiply(index, i32.value(nextColumn)));
      const walk = [
        ...begin(1),
        ...begin(2),
        ...ahead.set(
          f32x4.add(splatF64(f64.subtract(f64.fromI32(voxel.get), middle.get)), f32x4.values(0, 1, 2, 3)),
        ),
        ...place.set(inRow(voxel.get)),
        ...stop.set(inRow(stop.get)),
        ...repeat(group, i32.less(place.get, stop.get)),
      ];
      const strideSum = nextSlice + nextRow + nextColumn;
      const line = [
        ...origin.set(i32.fromF64(f64.load(table.get, 8 * 13))),
        ...origin.set(i32.add(origin.get, i32.value(-Math.imul(ROUNDER_BITS, strideSum)))),
        ...begin(0),
        ...range,
        ...when(i32.less(voxel.get, stop.get), walk),
        ...table.set(i32.add(table.get, i32.value(8 * LINE_LENGTH))),
      ];
      return [
        ...half.set(f32x4.values(0.5, 0.5, 0.5, 0.5)),
        ...rounder.set(f32x4.values(ROUNDER, ROUNDER, ROUNDER, ROUNDER)),
        ...axes.flatMap(({ stride, strides }) => strides.set(i32x4.splat(i32.value(stride)))),
        ...repeat(line, i32.less(table.get, end.get)),
      ];
    },
  );
}

function newAxis(stride: number, variable: NewVariable): Axis {
  const vector = () => variable('v128');
  return {
    stride,
    strides: vector(),
    rest: vector(),
    step: vector(),
    first: vector(),
    last: vector(),
    lastPair: vector(),
    cell: vector(),
    fraction: vector(),
  };
}

/** What it takes to read four voxels. */
interface Reading {
  /** Bytes to the neighbouring cells; 0 along an axis of a single one. */
  readonly nextSlice: number;
  readonly nextRow: number;
  readonly nextColumn: number;
  /** Of the voxels' cells. */
  readonly addresses: Local;
  /** Along slices, rows and columns. */
  readonly fractions: readonly Local[];
  readonly variable: NewVariable;
}

/** Code that reads four voxels, and then their values [voxel, lane] in as many vectors as there are lanes. */
interface Read {
  readonly code: Code;
  readonly values: readonly Code[];
}

const readers: Readonly<Record<MapLayout['lanes'], (reading: Reading) => Read>> = {
  1: readOneLane,
  2: readTwoLanes,
  4: readFourLanes,
};

const VOXELS = [0, 1, 2, 3];

/** A vector holds 2×2 cells of a slice. */
function readOneLane({ nextSlice, nextRow, addresses, fractions, variable }: Reading): Read {
  const [t, y, x] = fractions;
  const at = variable('i32');
  const square = (offset: number) => v128.loadHigh(v128.loadLow(at.get, offset), at.get, offset + nextRow);
  const squares = VOXELS.map(() => variable('v128'));
  const pairs = [variable('v128'), variable('v128')];
  const code = [
    ...VOXELS.flatMap((voxel) => [
      ...at.set(i32x4.lane(addresses.get, voxel)),
      ...squares[voxel].set(between(square(0), square(nextSlice), spread(t, voxel), variable)),
    ]),
    ...pairs.flatMap((pair, i) => {
      const [lower, upper] = halves(squares[2 * i], squares[2 * i + 1]);
      return pair.set(between(lower, upper, spreadTwo(y, i), variable));
    }),
  ];
  const [a, b] = pairs.map(({ get }) => get);
  const even = f32x4.shuffle(a, b, [0, 2, 4, 6]);
  const odd = f32x4.shuffle(a, b, [1, 3, 5, 7]);
  return { code, values: [between(even, odd, x.get, variable)] };
}

/** A vector holds two cells of a row, both kinds of each. */
function readTwoLanes({ nextSlice, nextRow, nextColumn, addresses, fractions, variable }: Reading): Read {
  const [t, y, x] = fractions;
  const at = variable('i32');
  const pair = (offset: number) => (nextColumn ? v128.load : v128.loadTwice)(at.get, offset);
  const pairs = VOXELS.map(() => variable('v128'));
  const code = VOXELS.flatMap((voxel) => {
    const inSlice = (offset: number) =>
      between(pair(offset), pair(offset + nextRow), spread(y, voxel), variable);
    return [
      ...at.set(i32x4.lane(addresses.get, voxel)),
      ...pairs[voxel].set(between(inSlice(0), inSlice(nextSlice), spread(t, voxel), variable)),
    ];
  });
  const values = [0, 1].map((i) => {
    const [lower, upper] = halves(pairs[2 * i], pairs[2 * i + 1]);
    return between(lower, upper, spreadTwo(x, i), variable);
  });
  return { code, values };
}

/** A vector holds one cell. */
function readFourLanes({ nextSlice, nextRow, nextColumn, addresses, fractions, variable }: Reading): Read {
  const [t, y, x] = fractions;
  const at = variable('i32');
  const results = VOXELS.map(() => variable('v128'));
  const [tv, yv, xv] = [1, 2, 3].map(() => variable('v128'));
  const code = VOXELS.flatMap((voxel) => {
    const inRow = (offset: number) =>
      between(v128.load(at.get, offset), v128.load(at.get, offset + nextColumn), xv.get, variable);
    const inSlice = (offset: number) => between(inRow(offset), inRow(offset + nextRow), yv.get, variable);
    return [
      ...at.set(i32x4.lane(addresses.get, voxel)),
      ...[...tv.set(spread(t, voxel)), ...yv.set(spread(y, voxel)), ...xv.set(spread(x, voxel))],
      ...results[voxel].set(between(inSlice(0), inSlice(nextSlice), tv.get, variable)),
    ];
  });
  return { code, values: results.map(({ get }) => get) };
}

/** a + fraction·(b − a) */
function between(a: Code, b: Code, fraction: Code, variable: NewVariable): Code {
  const kept = variable('v128');
  return f32x4.add(kept.tee(a), f32x4.multiply(fraction, f32x4.subtract(b, kept.get)));
}

/** One lane in all. */
function spread({ get }: Local, lane: number): Code {
  return f32x4.shuffle(get, get, [lane, lane, lane, lane]);
}

/** Lanes 0 and 1, or 2 and 3, twice each. */
function spreadTwo({ get }: Local, half: number): Code {
  return f32x4.shuffle(get, get, [2 * half, 2 * half, 2 * half + 1, 2 * half + 1]);
}

/** The lower halves of two vectors, and the upper ones. */
function halves(a: Local, b: Local): [Code, Code] {
  return [f32x4.shuffle(a.get, b.get, [0, 1, 4, 5]), f32x4.shuffle(a.get, b.get, [2, 3, 6, 7])];
}
