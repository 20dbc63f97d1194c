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
 * The factor k of the sum belongs to the filter (filter.ts), the slice area of the proof to the response.
 */
import { UsageError } from '../errors.ts';
import { axisDirections, type Direction, fibonacciDirections } from '../geometry/directions.ts';
import type { Shape } from '../volume/volume.ts';

export interface Method {
  /** For records and captions. */
  readonly title: string;
  /** Whether the response is one value a slice, a map, or either. */
  readonly response: 'value' | 'map';
  /** Directions over the sphere, or the array's axes. */
  readonly directions: 'fibonacci' | 'axis' | 'axes';
  /** What `--filter` says when nothing is said: the preset's, or none. */
  readonly filtered: boolean;
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
  draft: { directions: 60, directionsOfMaps: 60, slices: 24, filter: 'gaussian:0.08' },
  /** Measured to give the paper's quality at a fraction of its encoder calls. */
  standard: { directions: 300, directionsOfMaps: 300, slices: 32, filter: 'gaussian:0.06' },
  /** Section 3.6. */
  paper: { directions: 2000, directionsOfMaps: 1000, slices: 100, filter: 'second-difference' },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof presets;

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
}

/** Fills a choice up from its preset; explicit values win. */
export function planMethod(choice: MethodChoice): Plan {
  const { method, preset = 'standard', seed = 0, plain = false } = choice;
  const { response, directions, filtered }: Method = methods[method];
  const chosen: Preset = presets[preset];
  const filter = choice.filter ?? (!filtered ? 'none' : plain ? 'second-difference' : chosen.filter);
  if (choice.axis !== undefined && directions !== 'axis') {
    throw new UsageError('--axis', `The method ${method} does not go along one axis.`, {
      remedy: 'Leave --axis out, or use the method cam.',
    });
  }
  if (directions !== 'fibonacci') {
    const given =
      choice.directions !== undefined ? '--directions' : choice.slices !== undefined && '--slices';
    if (given) {
      throw new UsageError(given, `The method ${method} has a slice on every plane of voxels.`, {
        remedy: `Leave ${given} out.`,
      });
    }
    return directions === 'axis'
      ? { method, preset, directions: 1, filter, seed, axis: choice.axis ?? 0 }
      : { method, preset, directions: 3, filter, seed };
  }
  return {
    method,
    preset,
    directions: choice.directions ?? (response === 'map' ? chosen.directionsOfMaps : chosen.directions),
    slices: choice.slices ?? chosen.slices,
    filter,
    seed,
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
