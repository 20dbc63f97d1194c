/**
 * A slab is some planes of the grid with the sums of all targets on them: what one thread of a backprojection owns.
 * Every voxel's sum takes the same terms in the same order in whatever slab it lies, so the planes may be shared out
 * among any number of threads.
 */
import type { SliceSize } from '../geometry/sampler.ts';
import type { Shape } from '../volume/volume.ts';
import { mapAdder, type Projection, profileAdder, type RowAdder } from './backprojection.ts';
import { type Block, type Bundle, isProfile, type MapSize, planBundles, projectionsOf } from './bundles.ts';
import { KernelMemory } from './kernel-memory.ts';

/** A range [from, to) of the grid's planes along axis 0. */
export type Planes = readonly [from: number, to: number];

/** What a slab is made from; it travels to the thread that owns the slab. */
export interface SlabSettings {
  /** Of the whole grid. */
  readonly shape: Shape;
  readonly planes: Planes;
  /** Pixels of the slices that the maps lie over. */
  readonly size: SliceSize;
  readonly targets: readonly MapSize[];
  /** False for the plain arithmetic where vectors are to be had too: tests and benches compare the two. */
  readonly vectors?: boolean;
}

/** Sums of one target: [kinds, planes, H, W]. */
export type Sums = Float32Array<ArrayBuffer>;

/** How copies of the sums are made. */
export interface Copying {
  /** What the values of each target are multiplied by; 1 when absent. */
  readonly factors?: readonly number[];
  /**
   * Where each target's copy goes, instead of an array of its own: as long as its sums. It is written plane by plane, each
   * from its old values to its new ones, so that whoever reads it meanwhile meets no sums that are half done.
   */
  readonly into?: readonly Float32Array[];
}

export class Slab {
  private readonly settings: SlabSettings;
  private readonly bundles: readonly Bundle[];
  private readonly memory: KernelMemory | undefined;
  private readonly sums: readonly Sums[];

  /** @throws RangeError when there is no memory for the sums. */
  constructor(settings: SlabSettings) {
    const { shape, targets, vectors = true } = settings;
    this.settings = settings;
    this.bundles = planBundles(targets);
    this.memory = vectors && !this.bundles.every(isProfile) ? KernelMemory.open(shape) : undefined;
    this.sums = targets.map(({ kinds }) => new Float32Array(kinds * this.voxels));
  }

  /** Adds a block plane by plane; between planes others may have their turn. */
  *add(block: Block): Generator<void> {
    yield* this.addTo(this.sums, block);
  }

  /**
   * The sums themselves.
   * @param waiting a block that is in them for good.
   */
  *read(waiting: Block | undefined): Generator<void, readonly Sums[]> {
    if (waiting) yield* this.addTo(this.sums, waiting);
    return this.sums;
  }

  /**
   * Copies of the sums.
   * @param waiting a block that is in the copies only.
   */
  *copy(
    waiting: Block | undefined,
    { factors, into = this.sums.map(({ length }) => new Float32Array(length)) }: Copying,
  ): Generator<void, readonly Float32Array[]> {
    const { shape, planes } = this.settings;
    const area = shape[1] * shape[2];
    const plane = into.map(({ length }) => new Float32Array((length / this.voxels) * area));
    const kinds = plane.flatMap((values) => kindsOf(values, area));
    const own = this.sums.flatMap((sum) => kindsOf(sum, this.voxels));
    const copies = into.flatMap((sum) => kindsOf(sum, this.voxels));
    const addPlane = waiting && this.planeAdder(waiting);
    for (let d = planes[0]; d < planes[1]; d++) {
      const at = (d - planes[0]) * area;
      for (const [k, values] of kinds.entries()) values.set(own[k].subarray(at, at + area));
      addPlane?.(kinds, d, 0);
      for (const [t, values] of plane.entries()) {
        const factor = factors?.[t] ?? 1;
        if (factor !== 1) for (let i = 0; i < values.length; i++) values[i] *= factor;
      }
      for (const [k, values] of kinds.entries()) copies[k].set(values, at);
      yield;
    }
    return into;
  }

  /** Of one kind. */
  private get voxels(): number {
    const { planes, shape } = this.settings;
    return (planes[1] - planes[0]) * shape[1] * shape[2];
  }

  private *addTo(targets: readonly Sums[], block: Block): Generator<void> {
    const { shape, planes } = this.settings;
    const kinds = targets.flatMap((sum) => kindsOf(sum, this.voxels));
    const addPlane = this.planeAdder(block);
    for (let d = planes[0]; d < planes[1]; d++) {
      addPlane(kinds, d, (d - planes[0]) * shape[1] * shape[2]);
      yield;
    }
  }

  /** What adds a block's values on a plane to each kind of all targets, from `start` on. */
  private planeAdder(block: Block): (kinds: readonly Sums[], d: number, start: number) => void {
    const [, height, width] = this.settings.shape;
    const adders = this.adders(block);
    return (kinds, d, start) => {
      const sums = this.bundles.map((bundle) => bundle.kinds.map((index) => kinds[index]));
      for (let h = 0; h < height; h++) {
        for (const [b, addRow] of adders.entries()) addRow(d, h, sums[b], start + h * width);
      }
    };
  }

  /** For each bundle what adds the block's values to a row. */
  private adders(block: Block): RowAdder[] {
    const { shape, size } = this.settings;
    const projections = projectionsOf(block, this.bundles, size);
    const maps = projections.filter((_, b) => !isProfile(this.bundles[b]));
    const plain = (list: readonly Projection[]) => mapAdder(list, shape);
    const readers = this.memory?.take(maps) ?? maps.map(plain);
    let next = 0;
    return this.bundles.map((bundle, b) =>
      isProfile(bundle) ? profileAdder(projections[b], shape) : readers[next++],
    );
  }
}

function kindsOf<T extends ArrayBufferLike>(sum: Float32Array<T>, voxels: number): Float32Array<T>[] {
  return Array.from({ length: sum.length / voxels }, (_, k) => sum.subarray(k * voxels, (k + 1) * voxels));
}
