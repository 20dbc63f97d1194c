/**
 * What an encoder says to the planes of voxels along the array axes (Fig. 2b of the paper): a profile of logits beside
 * each view, before anything is reconstructed.
 */
import { axisDirections, type Direction } from '../geometry/directions.ts';
import type { Samplable } from '../geometry/layout.ts';
import { Stack } from '../geometry/stack.ts';
import type { Response } from '../responses/response.ts';

/** A value for each slice of a stack. */
export interface Profile {
  /** Offsets s of the slices; the outermost planes of voxels lie at −1 and 1. */
  readonly position: readonly number[];
  readonly values: Float32Array;
}

/** A value for each plane of voxels along an array axis. */
export interface AxisProfile extends Profile {
  readonly axis: 0 | 1 | 2;
}

/** The response's first value on the planes of voxels along each array axis. */
export async function axisProfiles(
  volume: Samplable,
  response: Response,
  signal?: AbortSignal,
): Promise<AxisProfile[]> {
  const profiles: AxisProfile[] = [];
  for (const axis of [0, 1, 2] as const) {
    const [direction] = axisDirections(volume.shape, [axis]);
    profiles.push({ axis, ...(await profileAlong(volume, direction, response, signal)) });
  }
  return profiles;
}

/** The response's first value on the slices of one direction, s from −1 to 1. */
export async function profileAlong(
  volume: Samplable,
  direction: Direction,
  response: Response,
  signal?: AbortSignal,
): Promise<Profile> {
  const stack = new Stack(volume, direction, response.size, 0);
  const [{ data }] = await response.respond(stack, signal);
  return { position: Array.from(data, (_, m) => stack.offset(m)), values: data };
}
