/**
 * What is found in one heatmap and what a person makes of it. Lesions follow from two thresholds (hysteresis, A.7) and are
 * kept as runs of voxels; a person accepts or rejects them and paints voxels away. A decision is pinned to a voxel, the
 * lesion's highest, so that it goes with whatever lesion holds that voxel when thresholds change; where a lesion holds
 * several pins the latest counts. What is painted away stays away under every threshold, until it is given back.
 */
import { componentMaxima, rowMaxima, runsAbove } from '../../evaluation/binarisation.ts';
import { type ComponentRuns, connectRuns, keepRuns } from '../../evaluation/components.ts';
import { indicesOf, lesionsOfRuns, voxelVolume } from '../../evaluation/lesions.ts';
import { mapPoint } from '../../volume/affine.ts';
import { spacing, type Vector, voxelCount } from '../../volume/volume.ts';
import type { Decision, FoundLesion, LesionList, Place, Stroke, ThresholdChoice } from '../protocol.ts';
import { strokeVoxels } from './brush.ts';
import { firstFrom, labelAt } from './label-runs.ts';

/** As in the evaluation (A.7) and `tonno segment`. */
const CONNECTIVITY = 26;
/** Voxels that all steps together may hold to be undone; the oldest are forgotten. */
const REMEMBERED = 2 ** 24;

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
  #heatmap: Float32Array;
  #rowMaxima: Float32Array | undefined;
  #thresholds: ThresholdChoice = { low: Number.POSITIVE_INFINITY, high: Number.POSITIVE_INFINITY };
  /** Lesions before paint, and after it. */
  #whole: ComponentRuns | undefined = NO_RUNS;
  #runs: ComponentRuns = NO_RUNS;
  #list: LesionList | undefined;
  #pins: readonly Pin[] = [];
  /** 1 where a voxel was painted away; made with the first stroke. */
  #away: Uint8Array | undefined;
  #painted = 0;
  #strokes = 0;
  readonly #done: Step[] = [];
  readonly #undone: Step[] = [];

  /** @param heatmap [D, H, W] on the place's grid. */
  constructor(heatmap: Float32Array, place: Place) {
    this.#heatmap = heatmap;
    this.#place = place;
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

  /** The decision of a lesion: that of the latest pin in it. */
  decision(lesion: number): Decision | undefined {
    return this.#decisions().get(lesion);
  }

  #decisions(): Map<number, Decision> {
    const decisions = new Map<number, Decision>();
    for (const { voxel, decision } of this.#pins) {
      const label = labelAt(this.runs, voxel);
      if (label > 0) decisions.set(label, decision);
    }
    return decisions;
  }

  /**
   * Accepts or rejects a lesion, or takes the decision back.
   * @throws RangeError when there is no such lesion.
   */
  decide(lesion: number, decision: Decision | undefined): LesionList {
    const found = this.list.lesions.find(({ number }) => number === lesion);
    if (!found) throw new RangeError(`There is no lesion ${lesion}.`);
    const [d, h, w] = found.peak;
    const [, height, width] = this.#place.shape;
    const others = this.#pins.filter(({ voxel }) => labelAt(this.#runs, voxel) !== lesion);
    const own: Pin[] = decision ? [{ voxel: (d * height + h) * width + w, decision }] : [];
    this.#take({ kind: 'pins', before: this.#pins, after: [...others, ...own] });
    return this.list;
  }

  /** Takes voxels away from lesions, or gives back what was taken. */
  paint({ points, radius, tool, continues }: Stroke): LesionList {
    const away = tool === 'erase';
    this.#away ??= new Uint8Array(voxelCount(this.#place.shape));
    const changed = new Set<number>();
    const wanted = away ? 0 : 1;
    for (const voxel of strokeVoxels({ points, radius }, this.#place.shape, spacing(this.#place.geometry))) {
      if (this.#away[voxel] === wanted) changed.add(voxel);
    }
    if (changed.size > 0) {
      const before = this.#done.at(-1);
      const goesOn = continues && before?.kind === 'paint' && before.away === away;
      this.#take({ kind: 'paint', voxels: Int32Array.from(changed), away }, goesOn ? before : undefined);
    }
    return this.list;
  }

  undo(): LesionList {
    const step = this.#done.pop();
    if (step) {
      this.#apply(step, false);
      this.#undone.push(step);
      this.#list = undefined;
    }
    return this.list;
  }

  redo(): LesionList {
    const step = this.#undone.pop();
    if (step) {
      this.#apply(step, true);
      this.#done.push(step);
      this.#list = undefined;
    }
    return this.list;
  }

  /** @param before a part of the same stroke, which becomes one step with this one. */
  #take(step: Step, before?: Step): void {
    this.#apply(step, true);
    if (before?.kind === 'paint' && step.kind === 'paint') {
      this.#done[this.#done.length - 1] = { ...step, voxels: joined(before.voxels, step.voxels) };
      this.#strokes--;
    } else {
      this.#done.push(step);
    }
    this.#undone.length = 0;
    let held = 0;
    for (let i = this.#done.length - 1; i >= 0; i--) {
      const kept = this.#done[i];
      held += kept.kind === 'paint' ? kept.voxels.length : 0;
      if (held > REMEMBERED && i < this.#done.length - 1) {
        this.#done.splice(0, i + 1);
        break;
      }
    }
    this.#list = undefined;
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
    // Pins are read from the runs that were just made.
    this.#list = { ...this.#frame(), lesions: found };
    const decisions = this.#decisions();
    const lesions: FoundLesion[] = found.map((lesion) => {
      const decision = decisions.get(lesion.number);
      return decision ? { ...lesion, decision } : lesion;
    });
    lesions.sort((a, b) => b.maximum - a.maximum || a.number - b.number);
    return { ...this.#frame(), lesions };
  }

  #frame() {
    return {
      ...this.#thresholds,
      painted: this.#painted,
      canUndo: this.#done.length > 0,
      canRedo: this.#undone.length > 0,
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
    return connectRuns(this.#place.shape, CONNECTIVITY, (_, from, to, found) => {
      for (let run = firstFrom(whole.starts, from); run < whole.starts.length; run++) {
        if (whole.starts[run] >= to) return;
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

  /** What a person changed, for a record: decisions with where they were made, voxels painted away. */
  changes(): {
    readonly decisions: readonly {
      readonly decision: Decision;
      readonly voxel: Vector;
      readonly world: Vector;
    }[];
    readonly paintedAway: { readonly voxels: number; readonly volume: number; readonly strokes: number };
  } {
    const { shape, geometry } = this.#place;
    return {
      decisions: this.#pins.map(({ voxel, decision }) => {
        const [d, h, w] = indicesOf(voxel, shape);
        return { decision, voxel: [d, h, w], world: mapPoint(geometry.affine, [w, h, d]) };
      }),
      paintedAway: {
        voxels: this.#painted,
        volume: this.#painted * voxelVolume(geometry),
        strokes: this.#strokes,
      },
    };
  }

  /** Whether a person changed anything. */
  get touched(): boolean {
    return this.#pins.length > 0 || this.#painted > 0;
  }
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  const both = new Int32Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
