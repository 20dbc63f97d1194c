/**
 * What an encoder says to slices, before anything is reconstructed: logits of slices at all angles by the label of
 * their volume (Fig. 2a of the paper), and along the axes of one volume (Fig. 2b).
 */
import { z } from 'zod';
import { fibonacciDirections } from '../../geometry/directions.ts';
import { axisProfiles, profileAlong } from '../../reconstruction/axis-profiles.ts';
import { planMethod } from '../../reconstruction/methods.ts';
import type { Volume } from '../../volume/volume.ts';
import { type EngineOptions, openEngine } from '../engine.ts';
import type { Run } from '../run.ts';

/** Stacks that each volume is looked at through: as many as at validation, and as many slices in each. */
const DIRECTIONS = 4;
const SLICES = 32;

/** What `measureLogits` gives, as it lies on the disk. */
export const encoderLogits = z.object({
  slices: z.object({ positive: z.array(z.number()), negative: z.array(z.number()) }),
  profiles: z.object({
    /** Name of the case. */
    case: z.string(),
    axes: z.array(
      z.object({
        axis: z.union([z.literal(0), z.literal(1), z.literal(2)]),
        position: z.array(z.number()),
        values: z.array(z.number()),
      }),
    ),
  }),
});

export type EncoderLogits = z.infer<typeof encoderLogits>;
type AxisLogits = EncoderLogits['profiles']['axes'][number];

export interface LogitsCase {
  readonly name: string;
  readonly label: number;
  read(): Promise<Volume>;
}

/**
 * @param options of the engine, as for heatmaps.
 * @param profiled name of the case whose axes are looked along.
 */
export async function measureLogits(
  options: EngineOptions,
  cases: readonly LogitsCase[],
  profiled: string,
  { terminal, signal }: Pick<Run, 'terminal' | 'signal'>,
): Promise<EncoderLogits> {
  const plan = planMethod({ method: 'tonno' });
  const engine = await openEngine({ ...options, cam: undefined, layer: undefined }, [plan]);
  const progress = terminal.progress('logits');
  const logits: { positive: number[]; negative: number[] } = { positive: [], negative: [] };
  let axes: AxisLogits[] = [];
  const directions = fibonacciDirections(DIRECTIONS, { slices: SLICES, seed: 0 });
  try {
    for (const [i, one] of cases.entries()) {
      signal.throwIfAborted();
      const { sliced, passes } = engine.ready(await one.read(), () => {});
      const [{ response }] = passes;
      for (const direction of directions) {
        const { values } = await profileAlong(sliced, direction, response);
        logits[one.label === 1 ? 'positive' : 'negative'].push(...values);
      }
      if (one.name === profiled) {
        const profiles = await axisProfiles(sliced, response);
        axes = profiles.map(({ axis, position, values }) => ({
          axis,
          position: [...position],
          values: [...values],
        }));
      }
      progress.update(i + 1, cases.length, 'cases', { count: i + 1, units: 'cases' });
    }
  } finally {
    progress.end();
    await engine.close();
  }
  return { slices: logits, profiles: { case: profiled, axes } };
}
