/**
 * The memory that the map kernels work in: a block's maps, for each bundle a table of its directions, and a row of
 * sums. One memory serves block after block and grows to the largest; its kernels stay.
 */
import type { Shape } from '../volume/volume.ts';
import { addToSums, type Projection, type RowAdder } from './backprojection.ts';
import {
  GROUP,
  LINE_LENGTH,
  type MapKernel,
  type MapLayout,
  mapKernel,
  type TableLine,
  tableLine,
} from './map-kernel.ts';
import { cellPosition, slicePosition } from './positions.ts';

const PAGE = 2 ** 16;
const ALIGNMENT = 64;

/** Addresses are signed on their way: 2 GiB. A block is far smaller unless its maps are of a size of their own. */
const MOST_BYTES = 2 ** 31;

export class KernelMemory {
  private readonly memory: WebAssembly.Memory;
  private readonly shape: Shape;
  private readonly kernels = new Map<string, MapKernel>();

  private constructor(memory: WebAssembly.Memory, shape: Shape) {
    this.memory = memory;
    this.shape = shape;
  }

  /** @returns undefined where there is no WebAssembly with vectors. */
  static open(shape: Shape): KernelMemory | undefined {
    try {
      const made = new KernelMemory(new WebAssembly.Memory({ initial: 1 }), shape);
      made.kernel({ rows: 2, columns: 2, lanes: 1 });
      return made;
    } catch {
      return undefined;
    }
  }

  /**
   * Takes a block in, in place of the one before.
   * @param bundles for each bundle its projections, one a direction.
   * @returns what adds each bundle's values to a row; undefined when the block does not fit into the memory.
   */
  take(bundles: readonly (readonly Projection[])[]): RowAdder[] | undefined {
    let bytes = 0;
    const reserve = (length: number) => {
      const at = bytes;
      bytes += Math.ceil(length / ALIGNMENT) * ALIGNMENT;
      return at;
    };
    const places = bundles.map((projections) => ({
      projections,
      row: reserve(4 * this.rowLength(projections[0].kinds)),
      table: reserve(8 * LINE_LENGTH * projections.length),
      data: projections.map(({ data }) => reserve(data.byteLength)),
    }));
    if (!this.grow(bytes)) return undefined;
    return places.map(({ projections, row, table, data }) => {
      const [{ rows, columns, kinds }] = projections;
      const { buffer } = this.memory;
      const lines = projections.map((projection, i) => {
        new Float32Array(buffer, data[i], projection.data.length).set(projection.data);
        return tableLine(this.line(projection, data[i]));
      });
      const entries = new Float64Array(buffer, table, LINE_LENGTH * lines.length);
      entries.set(lines.flat());
      const sums = new Float32Array(buffer, row, this.rowLength(kinds));
      const read = this.kernel({ rows, columns, lanes: kinds as MapLayout['lanes'] });
      const width = this.shape[2];
      return (d, h, targets, at) => {
        sums.fill(0);
        read(table, table + entries.byteLength, row, width, d, h);
        addToSums(sums, kinds, width, targets, at);
      };
    });
  }

  private rowLength(lanes: number): number {
    return Math.ceil(this.shape[2] / GROUP) * GROUP * lanes;
  }

  private line({ direction, rows, columns, kinds, size, data }: Projection, at: number): TableLine {
    return {
      slice: slicePosition(direction, this.shape),
      row: cellPosition(direction.u, this.shape, size.rows, rows),
      column: cellPosition(direction.v, this.shape, size.columns, columns),
      slices: data.length / (rows * columns * kinds),
      data: at,
    };
  }

  private kernel(layout: MapLayout): MapKernel {
    const key = `${layout.rows}×${layout.columns}×${layout.lanes}`;
    const known = this.kernels.get(key) ?? mapKernel(layout, this.memory);
    this.kernels.set(key, known);
    return known;
  }

  private grow(bytes: number): boolean {
    if (bytes > MOST_BYTES) return false;
    const missing = Math.ceil((bytes - this.memory.buffer.byteLength) / PAGE);
    try {
      if (missing > 0) this.memory.grow(missing);
      return true;
    } catch {
      return false;
    }
  }
}
