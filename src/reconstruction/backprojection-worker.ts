/** What a crew's thread does for a backprojector: it owns a slab for each that asks, and knows them by their numbers. */
import type { Reply } from '../runtime/crew.ts';
import type { Block } from './bundles.ts';
import { type Copying, Slab, type SlabSettings } from './slab.ts';

export type SlabMessage =
  /** Answered by whether there is memory for it. */
  | { readonly type: 'open'; readonly id: number; readonly settings: SlabSettings }
  | { readonly type: 'add'; readonly id: number; readonly block: Block }
  /** Answered by the slab's sums, which are gone then. */
  | { readonly type: 'read'; readonly id: number; readonly waiting?: Block }
  /** Answered by copies, or by nothing where they are written into shared memory. */
  | {
      readonly type: 'copy';
      readonly id: number;
      readonly waiting?: Block;
      readonly factors?: Copying['factors'];
      readonly into?: Copying['into'];
    }
  | { readonly type: 'close'; readonly id: number };

const slabs = new Map<number, Slab>();

export function handle(message: unknown): Reply {
  const said = message as SlabMessage;
  switch (said.type) {
    case 'open':
      return { value: open(said.id, said.settings) };
    case 'add':
      finish(slabs.get(said.id)!.add(said.block));
      return {};
    case 'read':
      return handOver(finish(slabs.get(said.id)!.read(said.waiting)));
    case 'copy':
      return copy(slabs.get(said.id)!, said);
    case 'close':
      slabs.delete(said.id);
      return {};
  }
}

function copy(slab: Slab, { waiting, factors, into }: SlabMessage & { readonly type: 'copy' }): Reply {
  const copies = finish(slab.copy(waiting, { factors, into }));
  return into ? {} : handOver(copies);
}

function handOver(sums: readonly Float32Array[]): Reply {
  return { value: sums, transfer: sums.map(({ buffer }) => buffer as ArrayBuffer) };
}

function open(id: number, settings: SlabSettings): boolean {
  try {
    slabs.set(id, new Slab(settings));
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Goes through work that would let others have their turn: here there are none. */
function finish<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
