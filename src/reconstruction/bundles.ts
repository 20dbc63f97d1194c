/**
 * Maps of one size lie over the same slices at the same places, whichever heatmap they are for: a voxel's position in
 * one is its position in all. A bundle is up to four of them with their cells side by side, so that one position and
 * one load serve all; a block is the bundles of several directions in one array, which every thread reads.
 */
import type { Direction } from '../geometry/directions.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import type { Maps } from '../responses/response.ts';
import { layOutKind, type Projection } from './backprojection.ts';
import type { MapLayout } from './map-kernel.ts';

/** What is the same for every direction of a target's maps. */
export type MapSize = Pick<Maps, 'kinds' | 'rows' | 'columns'>;

/** Maps of one size that are read together. */
export interface Bundle extends MapLayout {
  /** Lane by lane the kind it holds, counted through all targets; lanes may be left over. */
  readonly kinds: readonly number[];
}

/** One direction's maps, made ready to be read. */
export interface LaidOut {
  readonly direction: Direction;
  /** Bundle by bundle: [slices + 2, rows, columns, lanes] with zero maps at both ends. */
  readonly data: Float32Array;
}

/** Several directions, to be read in one walk over the grid. */
export type Block = readonly LaidOut[];

/** The bundles of several targets' maps; 1×1 maps, which are read by another way, stay by themselves. */
export function planBundles(targets: readonly MapSize[]): Bundle[] {
  const bySize = new Map<string, { rows: number; columns: number; kinds: number[] }>();
  let next = 0;
  for (const { kinds, rows, columns } of targets) {
    const key = `${rows}×${columns}`;
    const same = bySize.get(key) ?? { rows, columns, kinds: [] };
    bySize.set(key, same);
    for (let k = 0; k < kinds; k++) same.kinds.push(next++);
  }
  return [...bySize.values()].flatMap(({ rows, columns, kinds }) => {
    const together = rows * columns === 1 ? 1 : 4;
    return Array.from({ length: Math.ceil(kinds.length / together) }, (_, i) => {
      const own = kinds.slice(i * together, (i + 1) * together);
      return { rows, columns, kinds: own, lanes: lanesFor(own.length, rows, columns) };
    });
  });
}

function lanesFor(kinds: number, rows: number, columns: number): MapLayout['lanes'] {
  if (kinds > 2) return 4;
  // A kernel of one lane reads columns in pairs.
  return kinds === 2 || (columns === 1 && rows > 1) ? 2 : 1;
}

/** Whether a bundle is profiles: one kind of 1×1 maps. */
export function isProfile({ rows, columns }: Bundle): boolean {
  return rows * columns === 1;
}

/** Numbers that one direction's maps take, zero maps and left-over lanes too. */
function bundleLength({ rows, columns, lanes }: Bundle, slices: number): number {
  return (slices + 2) * rows * columns * lanes;
}

/**
 * Lays one direction's maps out.
 * @param targets filtered maps at s_0 … s_{M−1}, of the sizes that the bundles were planned for.
 * @param shared puts them where other threads read them without a copy.
 */
export function layOutDirection(
  bundles: readonly Bundle[],
  targets: readonly Maps[],
  direction: Direction,
  shared: boolean,
): LaidOut {
  const kinds = targets.flatMap((maps) => Array.from({ length: maps.kinds }, (_, kind) => ({ maps, kind })));
  const bytes = 4 * bundles.reduce((sum, bundle) => sum + bundleLength(bundle, direction.slices), 0);
  const data = new Float32Array(shared ? new SharedArrayBuffer(bytes) : new ArrayBuffer(bytes));
  let at = 0;
  for (const bundle of bundles) {
    const own = data.subarray(at, at + bundleLength(bundle, direction.slices));
    for (const [lane, index] of bundle.kinds.entries()) {
      layOutKind(kinds[index].maps, kinds[index].kind, own, lane, bundle.lanes);
    }
    at += own.length;
  }
  return { direction, data };
}

/** A block as projections: for each bundle one of every direction, with a kind for each lane. */
export function projectionsOf(block: Block, bundles: readonly Bundle[], size: SliceSize): Projection[][] {
  const projections: Projection[][] = bundles.map(() => []);
  for (const { direction, data } of block) {
    let at = 0;
    for (const [b, bundle] of bundles.entries()) {
      const { rows, columns, lanes: kinds } = bundle;
      const own = data.subarray(at, at + bundleLength(bundle, direction.slices));
      projections[b].push({ direction, kinds, rows, columns, size, data: own });
      at += own.length;
    }
  }
  return projections;
}
