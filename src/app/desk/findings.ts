/**
 * What is found in one heatmap and what a person makes of it. Lesions follow from two thresholds (hysteresis, A.7) and are
 * kept as runs of voxels; a person accepts or rejects them and paints voxels away. A decision is pinned to a voxel, the
 * lesion's highest, so that it goes with whatever lesion holds that voxel when thresholds change; where that voxel itself is
 * painted away, it goes with all that is left of the lesion. Where a lesion holds several pins the latest counts, and a
 * new decision takes the place of them all. What is painted away stays away under every threshold, until it is given back.
 */
import { componentMaxima, rowMaxima, runsAbove } from '../../evaluation/binarisation.ts';
import { type ComponentRuns, connectRuns, keepRuns, runSizes } from '../../evaluation/components.ts';
import { indicesOf, type Lesion, lesionsOfRuns, voxelVolume } from '../../evaluation/lesions.ts';
import { mapPoint } from '../../volume/affine.ts';
import { spacing, type Vector, voxelCount } from '../../volume/volume.ts';
import type { Decision, FoundLesion, LesionList, Place, Stroke, ThresholdChoice } from '../protocol.ts';
import { strokeVoxels } from './brush.ts';
import { labelAt } from './label-runs.ts';

/** As in the evaluation (A.7) and `tonno segment`. */
const CONNECTIVITY = 26;
/** Voxels that all steps together may hold to be undone; the oldest are forgotten. */
const REMEMBERED = 2 ** 24;

interface Amount {
  readonly voxels: number;
  /** mm³. */
  readonly volume: number;
}

/** A decision and the voxel that it is pinned to. */
interface Pin {
  readonly voxel: number;
  readonly decision: Decision;
}

/** What is undone in one step. */
type Step =
  | { readonly kind: 'pins'; readonly before: readonly Pin[]; readonly after: readonly Pin[] }
  | { readonly kind: 'paint'; readonly voxels: Int32Array; readonly away: boolean };

const NO_RUNS: ComponentRuns = {
  count: 0,
  starts: new Int32Array(),
  ends: new Int32Array(),
  labels: new Int32Array(),
};

export class Findings {
  readonly #place: Place;
  readonly #remembered: number;
  #heatmap: Float32Array;
  #rowMaxima: Float32Array | undefined;
  #thresholds: ThresholdChoice = { low: Number.POSITIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  /** Lesions before paint, and after it. */
  #whole: ComponentRuns | undefined = NO_RUNS;
  #runs: ComponentRuns = NO_RUNS;
  #list: LesionList | undefined;
  #decisions: ReadonlyMap<number, Decision> = new Map();
  #pins: readonly Pin[] = [];
  /** 1 where a voxel was painted away; made with the first stroke. */
  #away: Uint8Array | undefined;
  #painted = 0;
  #strokes = 0;
  /** What the last stroke has come to so far, as long as it may go on. */
  #stroke: Step | undefined;
  readonly #done: Step[] = [];
  readonly #undone: Step[] = [];

  /**
   * @param heatmap [D, H, W] on the place's grid.
   * @param options `remembered`: voxels that all strokes together may hold to be undone.
   */
  constructor(
    heatmap: Float32Array,
    place: Place,
    { remembered = REMEMBERED }: { readonly remembered?: number } = {},
  ) {
    this.#heatmap = heatmap;
    this.#place = place;
    this.#remembered = remembered;
  }

  /** New values of the same heatmap: thresholds are laid on it again when the list is next asked for. */
  setHeatmap(heatmap: Float32Array): void {
    this.#heatmap = heatmap;
    this.#rowMaxima = undefined;
    this.#whole = undefined;
    this.#list = undefined;
  }

  threshold({ low, high }: ThresholdChoice): LesionList {
    this.#thresholds = { low: Math.min(low, high), high };
    this.#whole = undefined;
    this.#list = undefined;
    return this.list;
  }

  get list(): LesionList {
    this.#list ??= this.#makeList();
    return this.#list;
  }

  /** Lesions as they are now, after paint; rejected ones keep their numbers. */
  get runs(): ComponentRuns {
    if (!this.#list) this.#list = this.#makeList();
    return this.#runs;
  }

  /** Decisions by the lesion's number: each is that of the latest pin in it. */
  get decisions(): ReadonlyMap<number, Decision> {
    if (!this.#list) this.#list = this.#makeList();
    return this.#decisions;
  }

  /** The lesions that a pin speaks of: the one that holds it or, where it was painted away, what is left of that. */
  #lesionsOf({ voxel }: Pin, found: readonly Lesion[]): number[] {
    const label = labelAt(this.#runs, voxel);
    if (label > 0) return [label];
    const whole = this.#painted > 0 && this.#whole ? labelAt(this.#whole, voxel) : 0;
    return whole > 0
      ? found.filter((lesion) => this.#wholeOf(lesion) === whole).map(({ number }) => number)
      : [];
  }

  /** The lesion that this is a part of, by its number before paint. */
  #wholeOf({ peak }: Lesion): number {
    return this.#whole ? labelAt(this.#whole, this.#index(peak)) : 0;
  }

  #index([d, h, w]: Vector): number {
    const [, height, width] = this.#place.shape;
    return (d * height + h) * width + w;
  }

  /**
   * Accepts or rejects a lesion, or takes the decision back.
   * @throws RangeError when there is no such lesion.
   */
  decide(lesion: number, decision: Decision | undefined): LesionList {
    const { lesions } = this.list;
    const found = lesions.find(({ number }) => number === lesion);
    if (!found) throw new RangeError(`There is no lesion ${lesion}.`);
    if (found.decision === decision) return this.list;
    // A pin that speaks of other parts too is left to those, each with one of its own.
    const others = this.#pins.flatMap((pin) => {
      const spokenOf = this.#lesionsOf(pin, lesions);
      if (!spokenOf.includes(lesion)) return [pin];
      return lesions
        .filter(({ number }) => number !== lesion && spokenOf.includes(number))
        .map(({ peak }) => ({ ...pin, voxel: this.#index(peak) }));
    });
    const own: Pin[] = decision ? [{ voxel: this.#index(found.peak), decision }] : [];
    this.#take({ kind: 'pins', before: this.#pins, after: [...others, ...own] });
    return this.list;
  }

  /** Takes voxels away from lesions, or gives back what was taken. */
  paint({ points, radius, tool, continues }: Stroke): LesionList {
    const away = tool === 'erase';
    const before = continues ? this.#stroke : undefined;
    this.#stroke = before;
    if (!away && this.#painted === 0) return this.list;
    this.#away ??= new Uint8Array(voxelCount(this.#place.shape));
    const wanted = away ? 1 : 0;
    const changed: number[] = [];
    for (const voxel of strokeVoxels({ points, radius }, this.#place.shape, spacing(this.#place.geometry))) {
      if (this.#away[voxel] === wanted) continue;
      // Marked at once, so that a voxel that comes twice counts once.
      this.#away[voxel] = wanted;
      changed.push(voxel);
    }
    if (changed.length > 0) {
      const step: Step = { kind: 'paint', voxels: Int32Array.from(changed), away };
      this.#stroke = this.#take(step, before);
    }
    return this.list;
  }

  undo(): LesionList {
    return this.#moveStep(this.#done, this.#undone, false);
  }

  redo(): LesionList {
    return this.#moveStep(this.#undone, this.#done, true);
  }

  #moveStep(from: Step[], to: Step[], forward: boolean): LesionList {
    const step = from.pop();
    if (step) {
      this.#apply(step, forward);
      to.push(step);
      this.#list = undefined;
    }
    return this.list;
  }

  /**
   * @param before what has been done of the same stroke, which becomes one step with this.
   * @returns the step as it is remembered.
   */
  #take(step: Step, before?: Step): Step {
    this.#apply(step, true);
    let taken = step;
    if (
      step.kind === 'paint' &&
      before?.kind === 'paint' &&
      before.away === step.away &&
      before === this.#done.at(-1)
    ) {
      taken = { ...step, voxels: joined(before.voxels, step.voxels) };
      this.#done.pop();
      this.#strokes--;
    }
    this.#done.push(taken);
    this.#undone.length = 0;
    let held = 0;
    for (let i = this.#done.length - 1; i >= 0; i--) {
      const kept = this.#done[i];
      held += kept.kind === 'paint' ? kept.voxels.length : 0;
      if (held > this.#remembered && i < this.#done.length - 1) {
        this.#done.splice(0, i + 1);
        break;
      }
    }
    this.#list = undefined;
    return taken;
  }

  #apply(step: Step, forward: boolean): void {
    if (step.kind === 'pins') {
      this.#pins = forward ? step.after : step.before;
      return;
    }
    const value = step.away === forward ? 1 : 0;
    for (const voxel of step.voxels) this.#away![voxel] = value;
    this.#painted += value === 1 ? step.voxels.length : -step.voxels.length;
    this.#strokes += forward ? 1 : -1;
  }

  #makeList(): LesionList {
    this.#whole ??= this.#hysteresis();
    this.#runs = this.#painted > 0 ? this.#withoutPainted(this.#whole) : this.#whole;
    const found = lesionsOfRuns(this.#runs, this.#heatmap, this.#place);
    const decisions = new Map<number, Decision>();
    for (const pin of this.#pins) {
      for (const lesion of this.#lesionsOf(pin, found)) decisions.set(lesion, pin.decision);
    }
    this.#decisions = decisions;
    const lesions: FoundLesion[] = found.map((lesion) => {
      const decision = decisions.get(lesion.number);
      return decision ? { ...lesion, decision } : lesion;
    });
    lesions.sort((a, b) => b.maximum - a.maximum || a.number - b.number);
    return {
      ...this.#thresholds,
      painted: this.#painted,
      canUndo: this.#done.length > 0,
      canRedo: this.#undone.length > 0,
      lesions,
    };
  }

  #hysteresis(): ComponentRuns {
    const { shape } = this.#place;
    const { low, high } = this.#thresholds;
    this.#rowMaxima ??= rowMaxima(this.#heatmap, shape);
    const above = runsAbove(this.#heatmap, shape, low, CONNECTIVITY, this.#rowMaxima);
    const maxima = componentMaxima(above, this.#heatmap);
    return keepRuns(above, (label) => maxima[label - 1] > high);
  }

  /**
   * Lesions without what was painted away. A part that was cut off is a lesion of its own, also where it does not reach above
   * τ: the whole did, and a person has looked at it.
   */
  #withoutPainted(whole: ComponentRuns): ComponentRuns {
    const away = this.#away!;
    let run = 0;
    return connectRuns(this.#place.shape, CONNECTIVITY, (_, __, to, found) => {
      for (; run < whole.starts.length && whole.starts[run] < to; run++) {
        let voxel = whole.starts[run];
        const end = whole.ends[run];
        while (voxel < end) {
          while (voxel < end && away[voxel] === 1) voxel++;
          const start = voxel;
          while (voxel < end && away[voxel] === 0) voxel++;
          if (voxel > start) found.push(start, voxel);
        }
      }
    });
  }

  /** What a person changed, for a record: decisions with where they were made, and what was painted away. */
  changes(): {
    readonly decisions: readonly {
      readonly decision: Decision;
      readonly voxel: Vector;
      /** RAS+ millimetres. */
      readonly world: Vector;
      /** What it speaks of under the present thresholds. */
      readonly lesions: readonly number[];
    }[];
    /** Voxels that no threshold brings back, and the part of them that would be in lesions now; mm³. */
    readonly paintedAway: Amount & { readonly fromLesions: Amount; readonly strokes: number };
  } {
    const { shape, geometry } = this.#place;
    const { lesions } = this.list;
    const amount = (voxels: number): Amount => ({ voxels, volume: voxels * voxelVolume(geometry) });
    return {
      decisions: this.#pins.map((pin) => {
        const [d, h, w] = indicesOf(pin.voxel, shape);
        return {
          decision: pin.decision,
          voxel: [d, h, w],
          world: mapPoint(geometry.affine, [w, h, d]),
          lesions: this.#lesionsOf(pin, lesions).sort((a, b) => a - b),
        };
      }),
      paintedAway: {
        ...amount(this.#painted),
        fromLesions: amount(voxelsIn(this.#whole ?? NO_RUNS) - voxelsIn(this.#runs)),
        strokes: this.#strokes,
      },
    };
  }

  /** Whether a person changed anything. */
  get touched(): boolean {
    return this.#pins.length > 0 || this.#painted > 0;
  }
}

function voxelsIn(runs: ComponentRuns): number {
  return runSizes(runs).reduce((sum, size) => sum + size, 0);
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
