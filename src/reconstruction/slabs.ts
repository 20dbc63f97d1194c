/**
 * Where the sums of a backprojection are: in one slab that the calling thread works on, or in one for each thread of a
 * crew. Both give the same bytes.
 */
import type { Crew } from '../runtime/crew.ts';
import { isShared } from '../volume/shared.ts';
import type { SlabMessage } from './backprojection-worker.ts';
import type { Block } from './bundles.ts';
import { tooLarge, withMemory } from './grid.ts';
import { pause } from './pause.ts';
import { type Copying, type Planes, Slab, type SlabSettings, type Sums } from './slab.ts';

/** All planes of the grid. */
export interface Slabs {
  /** Adds a block; resolves when another may be given. */
  add(block: Block): Promise<void>;
  /** The sums [kinds, D, H, W] of each target; see `Slab.read`. */
  read(waiting: Block | undefined): Promise<Float32Array[]>;
  /** Copies of them; see `Slab.copy`. */
  copy(waiting: Block | undefined, how: Copying): Promise<Float32Array[]>;
  close(): void;
}

export type SlabsSettings = Omit<SlabSettings, 'planes'>;

/** @throws VolumeError when there is no memory for the sums. */
export async function openSlabs(
  settings: SlabsSettings,
  crew: Crew | undefined,
  signal: AbortSignal | undefined,
): Promise<Slabs> {
  if (!crew) return new OwnSlab(settings, signal);
  const slabs = new CrewSlabs(settings, crew);
  await slabs.open();
  return slabs;
}

class OwnSlab implements Slabs {
  private readonly settings: SlabsSettings;
  private readonly slab: Slab;
  private readonly signal: AbortSignal | undefined;

  constructor(settings: SlabsSettings, signal: AbortSignal | undefined) {
    this.settings = settings;
    this.signal = signal;
    this.slab = ifThereIsMemory(settings, () => new Slab({ ...settings, planes: [0, settings.shape[0]] }));
  }

  async add(block: Block): Promise<void> {
    await this.inTurns(this.slab.add(block));
  }

  async read(waiting: Block | undefined): Promise<Float32Array[]> {
    return [...(await this.inTurns(this.slab.read(waiting)))];
  }

  async copy(waiting: Block | undefined, how: Copying): Promise<Float32Array[]> {
    const work = this.slab.copy(waiting, how);
    // Memory is taken before the first turn.
    ifThereIsMemory(this.settings, () => work.next());
    return [...(await this.inTurns(work))];
  }

  close(): void {}

  private async inTurns<T>(work: Generator<void, T>): Promise<T> {
    for (;;) {
      const { done, value } = work.next();
      if (done) return value;
      await pause();
      this.signal?.throwIfAborted();
    }
  }
}

/** Blocks that a crew has been given and not done: one at work and one that waits keep its threads busy. */
const MOST_UNDER_WAY = 2;

let slabsOpened = 0;

class CrewSlabs implements Slabs {
  private readonly settings: SlabsSettings;
  private readonly crew: Crew;
  private readonly id = slabsOpened++;
  private readonly ranges: readonly Planes[];
  private readonly underWay: Promise<unknown>[] = [];

  constructor(settings: SlabsSettings, crew: Crew) {
    this.settings = settings;
    this.crew = crew;
    const [depth] = settings.shape;
    const count = Math.min(crew.size, depth);
    const border = (member: number) => Math.floor((depth * member) / count);
    this.ranges = Array.from({ length: count }, (_, i) => [border(i), border(i + 1)]);
  }

  async open(): Promise<void> {
    const opened = await this.ask((planes) => ({
      type: 'open',
      id: this.id,
      settings: { ...this.settings, planes },
    }));
    if (opened.includes(false)) {
      this.close();
      throw tooLarge(kindsOf(this.settings.targets), this.settings.shape);
    }
  }

  async add(block: Block): Promise<void> {
    const adding = this.ask(() => ({ type: 'add', id: this.id, block }));
    // Awaited later, here or when the sums are read; until then a failure must not count as unhandled.
    adding.catch(() => {});
    this.underWay.push(adding);
    if (this.underWay.length >= MOST_UNDER_WAY) await this.underWay.shift();
  }

  read(waiting: Block | undefined): Promise<Float32Array[]> {
    return this.gather(() => ({ type: 'read', id: this.id, waiting }));
  }

  async copy(waiting: Block | undefined, { factors, into }: Copying): Promise<Float32Array[]> {
    const { targets, shape } = this.settings;
    if (!into?.every((whole, t) => isShared(whole) && targets[t].kinds === 1)) {
      return this.gather(() => ({ type: 'copy', id: this.id, waiting, factors }), into);
    }
    // Each thread writes its own planes.
    const area = shape[1] * shape[2];
    const written = this.ask((planes) => {
      const [from, to] = planes.map((plane) => plane * area);
      return { type: 'copy', id: this.id, waiting, factors, into: into.map((all) => all.subarray(from, to)) };
    });
    await Promise.all([...this.underWay.splice(0), written]);
    return [...into];
  }

  private async gather(
    message: (planes: Planes) => SlabMessage,
    into?: Copying['into'],
  ): Promise<Float32Array[]> {
    const parts = this.ask(message);
    await Promise.all([...this.underWay.splice(0), parts]);
    const bySlab = (await parts) as Sums[][];
    return this.settings.targets.map(({ kinds }, target) => {
      const own = bySlab.map((sums) => sums[target]);
      return ifThereIsMemory(this.settings, () => join(own, kinds, into?.[target]));
    });
  }

  close(): void {
    // A crew that is gone has no slabs.
    this.ask(() => ({ type: 'close', id: this.id })).catch(() => {});
  }

  private ask(message: (planes: Planes) => SlabMessage): Promise<unknown[]> {
    return Promise.all(this.ranges.map((planes, member) => this.crew.ask(member, message(planes))));
  }
}

/** [kinds, D, H, W] from [kinds, planes, H, W] of successive planes. */
function join(
  slabs: readonly Sums[],
  kinds: number,
  whole: Float32Array = new Float32Array(slabs.reduce((sum, slab) => sum + slab.length, 0)),
): Float32Array {
  const length = whole.length / kinds;
  let at = 0;
  for (const slab of slabs) {
    const own = slab.length / kinds;
    for (let k = 0; k < kinds; k++) whole.set(slab.subarray(k * own, (k + 1) * own), k * length + at);
    at += own;
  }
  return whole;
}

function ifThereIsMemory<T>({ shape, targets }: SlabsSettings, work: () => T): T {
  return withMemory(kindsOf(targets), shape, work);
}

function kindsOf(targets: SlabsSettings['targets']): number {
  return targets.reduce((sum, target) => sum + target.kinds, 0);
}
