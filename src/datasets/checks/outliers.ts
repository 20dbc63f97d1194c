/**
 * Cases unlike the others of their cohort: other voxel sizes, other shapes, values in another unit. What counts as unlike is
 * measured by the cohort itself, as the median absolute deviation from the median, which a few outliers cannot move (Iglewicz
 * & Hoaglin 1993), and by a factor below which nobody would wonder, so that a cohort of equals is not searched for trifles.
 */
import { spacing } from '../../volume/volume.ts';
import { mostCommon } from './channels.ts';
import { type Check, caseSubject } from './check.ts';
import { type CaseFacts, type ChannelFacts, caseChannels, isConstant } from './facts.ts';

/** Of a normal distribution: its deviation over its median absolute deviation. */
const NORMAL = 1.4826;
/** Deviations from the median. */
const GRID_DEVIATIONS = 3.5;
const VALUE_DEVIATIONS = 5;
/** Factors over or under the median below which nothing is said. */
const SPACING_FACTOR = 1.5;
const SHAPE_FACTOR = 2;
const VALUE_FACTOR = 5;
/** Standard deviations, of the case's voxels or a usual case's, by which its mean may differ. */
const SHIFT = 2;
/** Of two cases nobody knows which is the odd one. */
const LEAST_CASES = 3;

export const outlierChecks: readonly Check[] = [
  {
    name: 'spacing-outlier',
    level: 'warning',
    looksAt: 'cohort',
    finds: 'cases with voxels 1.5 times as large or small as is usual in the cohort, or more',
    *run({ cases }) {
      const sides = cases.flatMap((facts) => {
        const geometry = facts.images[0]?.volume?.geometry;
        return geometry ? { facts, values: spacing(geometry) } : [];
      });
      for (const { facts, values, usual } of unlike(sides, SPACING_FACTOR, GRID_DEVIATIONS)) {
        yield {
          subject: caseSubject(facts),
          message: `Its voxels are ${millimetres(values)} large, and those of the cohort ${millimetres(usual)} (median).`,
          remedy: 'Check its header; if it is right, think of resampling the cohort to one voxel size.',
        };
      }
    },
  },
  {
    name: 'shape-outlier',
    level: 'warning',
    looksAt: 'cohort',
    finds: 'cases with twice or half as many voxels along an axis as is usual in the cohort, or more',
    *run({ cases }) {
      const shapes = cases.flatMap((facts) => {
        const shape = facts.images[0]?.volume?.shape;
        return shape ? { facts, values: shape } : [];
      });
      for (const { facts, values, usual } of unlike(shapes, SHAPE_FACTOR, GRID_DEVIATIONS)) {
        yield {
          subject: caseSubject(facts),
          message: `It has ${values.join(' × ')} voxels, and the cohort ${usual.join(' × ')} (median).`,
          remedy: 'Check that it is a scan of the same kind, whole and not cropped.',
        };
      }
    },
  },
  {
    name: 'value-outlier',
    level: 'warning',
    looksAt: 'cohort',
    finds: 'cases whose values seem to be in another unit than those of the cohort',
    *run({ cases }) {
      const measured = cases.flatMap((facts) => ({ facts, channels: caseChannels(facts) ?? [] }));
      const count = mostCommon(measured.map(({ channels }) => channels.length));
      const usual = measured.filter(
        ({ channels }) => channels.length === count && !channels.some(isConstant),
      );
      for (let c = 0; c < count; c++) {
        const channel = usual.map((one) => ({ facts: one.facts, values: one.channels[c] }));
        for (const { facts, words } of oddValues(channel)) {
          const which = count > 1 ? ` of channel ${c + 1}` : '';
          yield {
            subject: caseSubject(facts),
            message: `Its values${which} ${words}.`,
            remedy: 'Check its unit and how it was rescaled.',
          };
        }
      }
    },
  },
];

interface Measured<T> {
  readonly facts: CaseFacts;
  readonly values: T;
}

/** Those whose numbers are too large or small at any place, with what is usual. All numbers are above 0. */
function unlike(
  all: readonly Measured<readonly number[]>[],
  factor: number,
  deviations: number,
): (Measured<readonly number[]> & { readonly usual: readonly number[] })[] {
  if (all.length < LEAST_CASES) return [];
  const places = all[0].values.map((_, place) => spread(all.map(({ values }) => Math.log(values[place]))));
  const odd = all.filter(({ values }) =>
    places.some(
      ({ median: middle, deviation }, place) =>
        // Half a percent for numbers that are rounded in the header.
        Math.abs(Math.log(values[place]) - middle) >
        Math.max(Math.log(factor * 0.995), deviations * deviation),
    ),
  );
  const usual = places.map(({ median: middle }) => Math.exp(middle));
  return odd.map((one) => ({ ...one, usual: usual.map((value) => Number(value.toPrecision(4))) }));
}

function oddValues(
  all: readonly Measured<ChannelFacts>[],
): { readonly facts: CaseFacts; readonly words: string }[] {
  if (all.length < LEAST_CASES) return [];
  const logarithms = all.map(({ values }) => Math.log(values.std));
  const scale = spread(logarithms);
  const level = spread(all.map(({ values }) => values.mean));
  const usual = Math.exp(scale.median);
  return all.flatMap(({ facts, values }, i) => {
    const times = logarithms[i] - scale.median;
    if (Math.abs(times) > Math.max(Math.log(VALUE_FACTOR), VALUE_DEVIATIONS * scale.deviation)) {
      const words = `vary by ${short(values.std)}, and those of the cohort by ${short(usual)} (median of the standard deviations)`;
      return { facts, words };
    }
    const shift = Math.abs(values.mean - level.median);
    // Where all is larger by a factor the mean moves with the deviation, and that is no other zero.
    const least = SHIFT * Math.max(usual, values.std);
    if (shift <= Math.max(least, VALUE_DEVIATIONS * level.deviation)) return [];
    return {
      facts,
      words: `are ${short(values.mean)} on average, and those of the cohort ${short(level.median)} (median)`,
    };
  });
}

/** The median, and what would be the standard deviation if the middle half were that of a normal distribution. */
function spread(values: readonly number[]): { readonly median: number; readonly deviation: number } {
  const middle = median(values);
  return { median: middle, deviation: NORMAL * median(values.map((value) => Math.abs(value - middle))) };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const millimetres = (sides: readonly number[]) => `${sides.map(short).join(' × ')} mm`;

const short = (value: number) => String(Number(value.toPrecision(4)));
