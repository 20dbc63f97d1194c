/**
 * Projects back as directions come in: several targets at once, since maps of one direction lie at the same places
 * whatever heatmap they are for. Directions are laid out and gathered into blocks, and a block is read in one walk over
 * the grid, by the calling thread in short turns or by a crew, plane by plane. The order of sums is fixed by sizes
 * alone, so the same maps give the same bytes with any number of threads.
 */
import type { Direction } from '../geometry/directions.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import type { Maps } from '../responses/response.ts';
import type { Crew } from '../runtime/crew.ts';
import type { Shape } from '../volume/volume.ts';
import { type Bundle, type LaidOut, layOutDirection, type MapSize, planBundles } from './bundles.ts';
import type { Copying } from './slab.ts';
import { openSlabs, type Slabs } from './slabs.ts';

/** What a crew must run to be of use to a backprojector. */
export const BACKPROJECTION_MODULE = 'reconstruction/backprojection-worker.js';

export interface BackprojectorOptions {
  /** Voxels of the heatmaps. */
  readonly shape: Shape;
  /** Pixels of the slices that the maps lie over. */
  readonly size: SliceSize;
  /** Threads that run BACKPROJECTION_MODULE and share the work; the calling thread does it when absent. */
  readonly crew?: Crew;
  /** Aborting it rejects with its reason. */
  readonly signal?: AbortSignal;
}

export class Backprojector {
  private readonly options: BackprojectorOptions;
  private opened:
    | { readonly slabs: Slabs; readonly bundles: Bundle[]; readonly sizes: MapSize[] }
    | undefined;
  /** Directions of a block that is not full. */
  private block: LaidOut[] = [];
  /** What was asked for before: one thing after the other, in the order of asking. */
  private last: Promise<unknown> = Promise.resolve();
  private failure: { readonly reason: unknown } | undefined;

  constructor(options: BackprojectorOptions) {
    this.options = options;
  }

  /**
   * Adds one direction; resolves when more may be added. No more than two full blocks wait at a time.
   * @param targets filtered maps at s_0 … s_{M−1} for each target, the same targets for every direction.
   * @throws VolumeError when there is no memory for the heatmaps.
   * @throws DeviceError when a thread of the crew is gone. After an error nothing more can be added.
   */
  add(direction: Direction, targets: readonly Maps[]): Promise<void> {
    return this.inTurn(async () => {
      const { bundles, slabs } = await this.open(targets);
      this.block.push(layOutDirection(bundles, targets, direction, this.options.crew !== undefined));
      if (!isFull(this.block)) return;
      const { block } = this;
      this.block = [];
      await slabs.add(block);
    });
  }

  /** The sums over the directions so far, [kinds, D, H, W] for each target, as copies; none before the first. */
  sums(how: Copying = {}): Promise<Float32Array[]> {
    return this.inTurn(async () => (await this.opened?.slabs.copy(this.waiting, how)) ?? []);
  }

  /** The sums themselves, and the end: nothing can be added or read afterwards. */
  finish(): Promise<Float32Array[]> {
    return this.inTurn(async () => {
      const sums = (await this.opened?.slabs.read(this.waiting)) ?? [];
      this.end(new Error('The backprojector has been finished.'));
      return sums;
    });
  }

  /** Gives up what is there. Closing twice, or after the end, does no harm. */
  close(): void {
    this.end(new Error('The backprojector is closed.'));
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(async () => {
      if (this.failure) throw this.failure.reason;
      try {
        this.options.signal?.throwIfAborted();
        const value = await work();
        this.options.signal?.throwIfAborted();
        return value;
      } catch (reason) {
        // A block may have been added in part.
        this.end(reason);
        throw reason;
      }
    });
    this.last = result.catch(() => {});
    return result;
  }

  private async open(targets: readonly Maps[]) {
    const sizes = targets.map(({ kinds, rows, columns }) => ({ kinds, rows, columns }));
    if (!this.opened) {
      const { shape, size, crew, signal } = this.options;
      const slabs = await openSlabs({ shape, size, targets: sizes }, crew, signal);
      this.opened = { slabs, bundles: planBundles(sizes), sizes };
    }
    const same = (a: MapSize, b?: MapSize) =>
      a.kinds === b?.kinds && a.rows === b.rows && a.columns === b.columns;
    const { sizes: first } = this.opened;
    if (sizes.length !== first.length || !sizes.every((size, i) => same(size, first[i]))) {
      throw new RangeError('A direction’s maps are not of the sizes of the first direction’s.');
    }
    return this.opened;
  }

  private get waiting(): LaidOut[] | undefined {
    return this.block.length > 0 ? this.block : undefined;
  }

  private end(reason: unknown): void {
    if (this.failure) return;
    this.failure = { reason };
    this.opened?.slabs.close();
    this.opened = undefined;
    this.block = [];
  }
}

const MOST_DIRECTIONS = 16;
const MOST_BYTES = 8 * 2 ** 20;

/**
 * Enough directions to spare the sums' memory traffic, few enough that what a row of voxels reads of them stays in a
 * core's cache (measured: bench/backprojection.ts). It depends on sizes only, because the order of sums decides their
 * last bits.
 */
function isFull(block: readonly LaidOut[]): boolean {
  const bytes = block.reduce((sum, { data }) => sum + data.byteLength, 0);
  return block.length === MOST_DIRECTIONS || bytes + block[0].data.byteLength > MOST_BYTES;
}
