/**
 * One reconstruction that can be stopped, looked at, and gone on with. It keeps the directions that are left to measure:
 * whoever goes on takes them up where it stopped, and further sets come behind them. Sums are kept as they are; a heatmap
 * is a copy, written into one shared buffer again and again where threads share memory, else into one that is handed over.
 */
import { UsageError, VolumeError } from '../../errors.ts';
import { volumeStem } from '../../formats/volume-file.ts';
import { type Direction, moreDirections } from '../../geometry/directions.ts';
import type { Pass as EnginePass, Readied, WantedHeatmap } from '../../reconstruction/engine.ts';
import { methods, type Plan, passDirections, planTarget } from '../../reconstruction/methods.ts';
import { type OpenReconstruction, openReconstruction } from '../../reconstruction/reconstruct.ts';
import { heatmapEntities, heatmapRecord } from '../../reconstruction/record.ts';
import type { Heatmap } from '../../reconstruction/targets.ts';
import { heatmapTitle } from '../../reconstruction/titles.ts';
import type { Crew } from '../../runtime/crew.ts';
import { type Box, uncropVolume } from '../../volume/crop.ts';
import { type Volume, voxelCount } from '../../volume/volume.ts';
import type {
  EngineInfo,
  EngineOutcome,
  EngineProgress,
  NewHeatmap,
  ReconstructionSettings,
} from '../protocol.ts';
import { Pace } from './pace.ts';

/** A wish to stop, which may come before there is anything to stop. */
export class Halt {
  readonly #controller = new AbortController();

  ask(): void {
    this.#controller.abort(this);
  }

  get asked(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Calls once it is asked, at once where it was. */
  whenAsked(call: () => void): void {
    if (this.asked) call();
    else this.#controller.signal.addEventListener('abort', call, { once: true });
  }
}

/** Hears of progress. Its promise says that it is done with an estimate and may be given the next. */
export type Listener = (progress: EngineProgress) => unknown;

export interface RunningOptions {
  /** Whether heatmaps are written into memory that others read at the same time. */
  readonly shares: boolean;
  readonly crew?: Crew;
  /** What runs here, for records. */
  readonly software: Readonly<Record<string, string>>;
}

/** Milliseconds between two calls of a listener. */
const INTERVAL = 100;

export class Running {
  readonly #pass: EnginePass;
  readonly #wanted: WantedHeatmap;
  readonly #input: Omit<Volume, 'data'>;
  readonly #box: Box;
  readonly #record: Readonly<Record<string, unknown>>;
  readonly #options: RunningOptions;
  readonly #open: OpenReconstruction;
  /** On the case's whole grid, shared. */
  readonly #shared: Float32Array | undefined;
  /** On the grid of the box, where that is less. */
  readonly #part: Float32Array | undefined;
  readonly #started = new Date();
  /** Directions of each set. */
  readonly #rounds: number[] = [];
  #left: readonly Direction[];
  #done = 0;
  #slices = 0;
  #milliseconds = 0;
  /** Devices that it went on with after the first was lost. */
  readonly #continuedOn: string[] = [];

  /**
   * @param input what was made ready; its voxels are let go.
   * @throws VolumeError when it cannot be sliced, or there is no memory for it.
   */
  constructor(input: Volume, { sliced, box, passes, record }: Readied, options: RunningOptions) {
    const { data: _, ...place } = input;
    this.#input = place;
    this.#box = box;
    this.#record = record;
    this.#options = options;
    [this.#pass] = passes;
    [this.#wanted] = this.#pass.wanted;
    const { plan, maps } = this.#wanted;
    const { directions } = passDirections([plan], sliced.shape);
    this.#left = directions;
    this.#rounds.push(directions.length);
    const { crew, shares } = options;
    [this.#open, this.#shared, this.#part] = withRoom(place, () => [
      openReconstruction(sliced, this.#pass.response, [planTarget(plan, maps)], { crew }),
      shares ? new Float32Array(new SharedArrayBuffer(4 * voxelCount(place.shape))) : undefined,
      voxelCount(sliced.shape) < voxelCount(place.shape)
        ? new Float32Array(voxelCount(sliced.shape))
        : undefined,
    ]);
  }

  /** Whether anything was measured. */
  get begun(): boolean {
    return this.#done > 0;
  }

  /**
   * Puts a further set of directions behind those that are left.
   * @throws UsageError for a method whose directions are all there are.
   */
  further(directions: number): void {
    const { method, slices, seed } = this.#wanted.plan;
    if (slices === undefined) {
      throw new UsageError(
        methods[method].title,
        'It has looked at every plane of voxels: there are no more directions.',
        {
          remedy: 'Choose a method that looks from all sides to add directions to it.',
        },
      );
    }
    const further = moreDirections(directions, { slices, seed, round: this.#rounds.length });
    this.#rounds.push(directions);
    this.#left = [...this.#left, ...further];
  }

  /** For the record: it goes on with another device. */
  continueOn(device: string): void {
    this.#continuedOn.push(device);
  }

  /**
   * Measures what is left until it is through or asked to stop. A direction that is under way then is given up, unless there
   * is no other yet, and measured anew when it goes on.
   * @throws what measuring throws; what was measured before it is still there.
   */
  async go(info: EngineInfo, halt: Halt, listen: Listener): Promise<EngineOutcome> {
    const todo = this.#left;
    const before = { done: this.#done, slices: this.#slices, milliseconds: this.#milliseconds };
    const total = this.#done + todo.length;
    const began = performance.now();
    const pace = new Pace(began, this.#wanted.plan.iterations !== undefined);
    const stopping = new AbortController();
    const stopped = new Error('It was stopped.');
    /** The heatmap that is being written, and until it was taken in. */
    let written: Promise<unknown> | undefined;
    let looking = false;
    let heard = Number.NEGATIVE_INFINITY;
    const progress = (now: number, estimate?: NewHeatmap): EngineProgress => {
      const measured = this.#done - before.done;
      const seconds = Math.max(now - began, 1) / 1000;
      return {
        done: this.#done,
        total,
        slices: this.#slices,
        slicesPerSecond: (this.#slices - before.slices) / seconds,
        left: ((total - this.#done) * seconds) / measured,
        info,
        ...(estimate && { estimate }),
      };
    };
    const look = async () => {
      const start = performance.now();
      const done = this.#done;
      const estimate = await this.#heatmap();
      pace.looked(done, start, performance.now());
      return estimate;
    };
    halt.whenAsked(() => this.begun && stopping.abort(stopped));
    try {
      await this.#open.add(todo, {
        signal: stopping.signal,
        onProgress: ({ done, slices }) => {
          const now = performance.now();
          this.#done = before.done + done;
          this.#slices = before.slices + slices;
          this.#milliseconds = before.milliseconds + (now - began);
          if (halt.asked) return stopping.abort(stopped);
          if (this.#done === total) return;
          if (now - heard >= INTERVAL) {
            heard = now;
            tell(listen, progress(now));
          }
          if (looking || !pace.due(this.#done, now)) return;
          looking = true;
          written = look().then(
            (estimate) => {
              const told = estimate && tell(listen, progress(performance.now(), estimate));
              // The next look waits until this one was taken in.
              Promise.resolve(told).then(() => {
                looking = false;
              });
            },
            // Without memory for a look there is none; what is wrong with the sums shows when the next direction is added.
            () => {},
          );
        },
      });
    } catch (error) {
      if (error !== stopped) throw error;
    } finally {
      this.#left = todo.slice(this.#done - before.done);
      await written;
    }
    return this.outcome(info);
  }

  /**
   * What is there.
   * @throws VolumeError when there is no memory for a copy of it.
   */
  async outcome(info: EngineInfo): Promise<EngineOutcome> {
    const heatmap = await this.#heatmap();
    if (!heatmap) throw new RangeError('A reconstruction without directions has no heatmap.');
    return {
      done: this.#done,
      total: this.#done + this.#left.length,
      seconds: this.#milliseconds / 1000,
      info,
      plan: this.#plan,
      heatmap,
    };
  }

  /** Gives up what is there. */
  close(): void {
    this.#open.close();
  }

  /** With the directions of all sets. */
  get #plan(): Plan {
    const directions = this.#rounds.reduce((sum, count) => sum + count, 0);
    return this.#rounds.length > 1 ? { ...this.#wanted.plan, directions } : this.#wanted.plan;
  }

  async #heatmap(): Promise<NewHeatmap | undefined> {
    const { shape } = this.#input;
    const whole = this.#shared ?? withRoom(this.#input, () => new Float32Array(voxelCount(shape)));
    const [values] = await this.#open.heatmaps({ into: [this.#part ?? whole] });
    if (!values) return undefined;
    if (this.#part) uncropVolume(this.#part, values.kinds, this.#box, shape, 0, whole);
    const wanted = { ...this.#wanted, plan: this.#plan };
    const { plan, entities } = wanted;
    const title = heatmapTitle({ method: plan.method, cam: entities?.cam as ReconstructionSettings['cam'] });
    return {
      id: heatmapEntities(wanted),
      title: entities ? `${title}, layer ${entities.layer}` : title,
      data: whole,
      record: this.#recordOf(wanted, values),
    };
  }

  #recordOf(wanted: WantedHeatmap, values: Heatmap): NewHeatmap['record'] {
    const stem = volumeStem(this.#input.name?.split(/[/\\]/).at(-1) ?? 'volume');
    const { response } = this.#pass;
    return {
      ...heatmapRecord(
        {
          wanted,
          values,
          response,
          input: this.#input,
          box: this.#box,
          slices: this.#slices,
          started: this.#started.toISOString(),
          seconds: this.#milliseconds / 1000,
        },
        {
          software: this.#options.software,
          shared: this.#record,
          file: `${stem}_${heatmapEntities(wanted)}_heatmap.nii.gz`,
        },
      ),
      ...(this.#rounds.length > 1 && { rounds: [...this.#rounds] }),
      ...(this.#continuedOn.length > 0 && { continuedOn: [...this.#continuedOn] }),
    };
  }
}

/** A listener that fails costs nobody the reconstruction. */
async function tell(listen: Listener, progress: EngineProgress): Promise<void> {
  try {
    await listen(progress);
  } catch {
    // It will not hear of this; it hears of the next.
  }
}

/** @throws VolumeError when there is no memory for a volume of this size. */
export function withRoom<T>({ name = 'volume', shape }: Pick<Volume, 'name' | 'shape'>, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    // What is sliced, its sums and the heatmap.
    const gibibytes = ((3 * 4 * voxelCount(shape)) / 2 ** 30).toFixed(1);
    throw new VolumeError(
      name,
      `A reconstruction of ${shape.join(' × ')} voxels takes ${gibibytes} GiB besides the volume, more than this browser gives.`,
      {
        remedy: 'Close other pages, resample the volume to fewer voxels, or use the command line.',
        cause,
      },
    );
  }
}
