/**
 * The methods of the paper, each a small named combination for the one `reconstruct`:
 *
 * | method                    | response     | directions            | filter            |
 * |---------------------------|--------------|-----------------------|-------------------|
 * | R⁻¹R_Σ V ≈ V (proof)      | slice mean   | Fibonacci             | second difference |
 * | ToNNO (Eq. 11)            | logit        | Fibonacci             | second difference |
 * | Averaged CAM (Eq. 12)     | maps (CAM)   | Fibonacci             | none              |
 * | Tomographic CAM (Eq. 13)  | maps (CAM)   | Fibonacci             | second difference |
 * | slice-wise CAM (4.3)      | maps (CAM)   | one array axis        | none              |
 * | slice-wise CAM ★ (A.8)    | maps (CAM)   | the three array axes  | none              |
 *
 * The factor k of the sum belongs to the filter (filter.ts), the slice area of the proof to the response. Beside the
 * paper's methods stands the one that its section 3.5 leaves to future work: iterative CAM takes the maps as averages of
 * an unknown volume over their cells and solves for it (least-squares.ts). Methods that want the same directions share
 * one pass over the volume.
 */
import { UsageError } from '../errors.ts';
import { axisDirections, type Direction, fibonacciDirections } from '../geometry/directions.ts';
import type { Shape } from '../volume/volume.ts';
import { parseFilter } from './filter.ts';
import type { Target } from './targets.ts';

export interface Method {
  /** For records and captions. */
  readonly title: string;
  /** Whether the response is one value a slice, a map, or either. */
  readonly response: 'value' | 'map';
  /** Directions over the sphere, or the array's axes. */
  readonly directions: 'fibonacci' | 'axis' | 'axes';
  /** Whether the maps are filtered along the stack before they are summed. */
  readonly filtered: boolean;
  /** Whether the heatmap is solved for instead of summed. */
  readonly iterative?: boolean;
}

export const methods = {
  tonno: { title: 'ToNNO (Eq. 11)', response: 'value', directions: 'fibonacci', filtered: true },
  'averaged-cam': {
    title: 'Averaged CAM (Eq. 12)',
    response: 'map',
    directions: 'fibonacci',
    filtered: false,
  },
  'tomographic-cam': {
    title: 'Tomographic CAM (Eq. 13)',
    response: 'map',
    directions: 'fibonacci',
    filtered: true,
  },
  cam: { title: 'slice-wise CAM (4.3)', response: 'map', directions: 'axis', filtered: false },
  'cam-3axes': {
    title: 'slice-wise CAM, three axes (A.8)',
    response: 'map',
    directions: 'axes',
    filtered: false,
  },
  'iterative-cam': {
    title: 'Iterative CAM (least squares)',
    response: 'map',
    directions: 'fibonacci',
    filtered: false,
    iterative: true,
  },
} as const satisfies Record<string, Method>;

export type MethodName = keyof typeof methods;

/** Settings of a reconstruction that a preset chooses and an option may override. */
export interface Preset {
  /** L for ToNNO. */
  readonly directions: number;
  /** L for the methods on maps, whose responses cost more. */
  readonly directionsOfMaps: number;
  /** M. */
  readonly slices: number;
  readonly filter: string;
}

export const presets = {
  /** A first look. */
  draft: { directions: 60, directionsOfMaps: 60, slices: 24, filter: 'gaussian:0.06' },
  /** The cheapest within a hundredth of the best mean Dice on two cohorts (docs/settings.md). */
  standard: { directions: 200, directionsOfMaps: 100, slices: 32, filter: 'gaussian:0.04' },
  /** Section 3.6. */
  paper: { directions: 2000, directionsOfMaps: 1000, slices: 100, filter: 'second-difference' },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

/**
 * Iterations of an iterative method when nothing is said. A network's maps are no averages of a volume, and later steps
 * fit what they are besides: of LayerCAM on a phantom four steps found more than ten (examples/README.md).
 */
const ITERATIONS = 4;

/** What a user may say; everything is optional but the method. */
export interface MethodChoice {
  readonly method: MethodName;
  readonly preset?: PresetName;
  /** L. */
  readonly directions?: number;
  /** M. */
  readonly slices?: number;
  readonly filter?: string;
  readonly seed?: number;
  /** The axis of slice-wise methods. */
  readonly axis?: 0 | 1 | 2;
  readonly iterations?: number;
  readonly nonNegative?: boolean;
  /** The mean's profiles carry no noise of a network: they default to the plain second difference. */
  readonly plain?: boolean;
}

/** Everything that decides the geometry and filter of a reconstruction, as it is written beside a heatmap. */
export interface Plan {
  readonly method: MethodName;
  readonly preset: PresetName;
  /** L. */
  readonly directions: number;
  /** M; absent for slice-wise methods, which have a slice on every plane of voxels. */
  readonly slices?: number;
  readonly filter: string;
  readonly seed: number;
  readonly axis?: 0 | 1 | 2;
  readonly iterations?: number;
  readonly nonNegative?: boolean;
}

interface Taker {
  readonly option: string;
  readonly takes: (method: Method) => boolean;
  /** Why another method does not, and what to do. */
  readonly problem: string;
  readonly remedy: string;
}

const onVoxels = 'has a slice on every plane of voxels';

/** Which methods a choice means something to. */
const takers: Partial<Record<keyof MethodChoice, Taker>> = {
  directions: {
    option: '--directions',
    takes: ({ directions }) => directions === 'fibonacci',
    problem: onVoxels,
    remedy: 'Leave --directions out.',
  },
  slices: {
    option: '--slices',
    takes: ({ directions }) => directions === 'fibonacci',
    problem: onVoxels,
    remedy: 'Leave --slices out.',
  },
  axis: {
    option: '--axis',
    takes: ({ directions }) => directions === 'axis',
    problem: 'does not go along one axis',
    remedy: 'Leave --axis out, or use the method cam.',
  },
  filter: {
    option: '--filter',
    takes: ({ filtered }) => filtered,
    problem: 'filters nothing',
    remedy: 'Leave --filter out, or use the method tomographic-cam.',
  },
  iterations: {
    option: '--iterations',
    takes: ({ iterative }) => iterative === true,
    problem: 'is one sum and iterates nothing',
    remedy: 'Leave --iterations out, or use the method iterative-cam.',
  },
  nonNegative: {
    option: '--non-negative',
    takes: ({ iterative }) => iterative === true,
    problem: 'is one sum and iterates nothing',
    remedy: 'Leave --non-negative out, or use the method iterative-cam.',
  },
};

/**
 * Fills a choice up from its preset; explicit values win.
 * @throws UsageError for a value that means nothing to the method.
 */
export function planMethod(choice: MethodChoice): Plan {
  return planMethods([choice.method], choice)[0];
}

/**
 * One plan for each of several methods. A value goes to the methods that it means something to.
 * @throws UsageError for a value that means nothing to any of them.
 */
export function planMethods(names: readonly MethodName[], choice: Omit<MethodChoice, 'method'>): Plan[] {
  for (const [key, { option, takes, problem, remedy }] of Object.entries(takers)) {
    if (choice[key as keyof typeof choice] === undefined || names.some((name) => takes(methods[name])))
      continue;
    const subject =
      names.length === 1
        ? `The method ${names[0]} ${problem}.`
        : `None of the methods takes it: ${names[0]} ${problem}.`;
    throw new UsageError(option, subject, { remedy });
  }
  return names.map((method) => planOne(method, choice));
}

function planOne(method: MethodName, choice: Omit<MethodChoice, 'method'>): Plan {
  const { preset = 'standard', seed = 0, plain = false } = choice;
  const { response, directions, filtered, iterative }: Method = methods[method];
  const chosen: Preset = presets[preset];
  const filter = filtered ? (choice.filter ?? (plain ? 'second-difference' : chosen.filter)) : 'none';
  const common = { method, preset, filter, seed };
  if (directions === 'axis') return { ...common, directions: 1, axis: choice.axis ?? 0 };
  if (directions === 'axes') return { ...common, directions: 3 };
  return {
    ...common,
    directions: choice.directions ?? (response === 'map' ? chosen.directionsOfMaps : chosen.directions),
    slices: choice.slices ?? chosen.slices,
    ...(iterative && {
      iterations: choice.iterations ?? ITERATIONS,
      nonNegative: choice.nonNegative ?? false,
    }),
  };
}

/** The directions of a plan for a volume of this shape, in the order of visiting. */
export function planDirections(
  { method, directions, slices, seed, axis = 0 }: Plan,
  shape: Shape,
): Direction[] {
  switch (methods[method].directions) {
    case 'fibonacci':
      return fibonacciDirections(directions, { slices: slices!, seed });
    case 'axis':
      return axisDirections(shape, [axis]);
    case 'axes':
      return axisDirections(shape, [0, 1, 2]);
  }
}

/** What a plan makes of one of a response's maps. */
export function planTarget(
  { filter, iterations, nonNegative = false }: Plan,
  maps: number,
  uses?: Target['uses'],
): Target {
  const common = { maps, uses };
  return iterations === undefined
    ? { ...common, filter: parseFilter(filter) }
    : { ...common, iterations, nonNegative };
}

/**
 * Plans in as few groups as can each be measured in one pass: those over the same directions of the sphere, and all
 * along the array's axes.
 */
export function sharedPasses(plans: readonly Plan[]): Plan[][] {
  const passes = new Map<string, Plan[]>();
  for (const plan of plans) {
    const { directions, slices, seed, method } = plan;
    const key = methods[method].directions === 'fibonacci' ? [directions, slices, seed].join() : 'axes';
    passes.set(key, [...(passes.get(key) ?? []), plan]);
  }
  return [...passes.values()];
}

/** One pass for several plans: its directions, and for each plan which of them count (all when absent). */
export function passDirections(
  plans: readonly Plan[],
  shape: Shape,
): { directions: Direction[]; uses: Target['uses'][] } {
  const widest = plans.reduce((a, b) => (b.directions > a.directions ? b : a));
  const directions = planDirections(widest, shape);
  const single = plans.find(({ axis }) => axis !== undefined);
  if (!single || single === widest) return { directions, uses: plans.map(() => undefined) };
  const along = ({ n }: Direction) => n[single.axis!] === 1;
  // What counts for both comes first, so that a pass that is stopped early has something for each.
  directions.sort((a, b) => Number(along(b)) - Number(along(a)));
  return { directions, uses: plans.map(({ axis }) => (axis === undefined ? undefined : along)) };
}
