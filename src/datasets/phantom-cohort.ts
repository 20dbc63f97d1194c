/**
 * A cohort of lesion phantoms on which no single number of a volume tells who has lesions. Each case has a volume of
 * bright things to fill; what its lesions leave of it is filled with tubes and plates as bright as they. A positive
 * and the negative after it share that volume, the brightness and the size of the body, so that small cohorts are as
 * balanced as large ones. What is left to learn is shape: lesions are compact, tubes thin and plates flat.
 */
import { UsageError } from '../errors.ts';
import { type Random, type Range, randomStreams } from '../geometry/random.ts';
import type { Shape, Volume } from '../volume/volume.ts';
import type { CohortCase, Split } from './cohort.ts';
import { type LesionPhantomOptions, lesionPhantom } from './phantom.ts';

/** What a phantom cohort is made of. */
export interface PhantomCohortOptions {
  /** (D, H, W) of every case; default 64 × 64 × 64. */
  readonly shape?: Shape;
  /** Number of cases for training, every other one positive; default 160. */
  readonly train?: number;
  /** Likewise for validation; default 40. Another number for training leaves them as they are. */
  readonly validation?: number;
  /** An integer of 32 bits; default 0. */
  readonly seed?: number;
  /** Fewest and most lesions of a positive; default 1 to 3. */
  readonly lesions?: Range;
  /** Radii of lesions in voxels; default 4 to 7 in a volume of 64 voxels, and in proportion to its shortest axis. */
  readonly lesionRadius?: Range;
}

/** All that decides the bytes of a cohort, defaults filled in: to be kept with it. */
export type PhantomCohortSettings = Required<PhantomCohortOptions> & {
  /** Radii of bodies as shares of half the volume's axes: the middle of a pair, and how far an axis is off it. */
  readonly bodySize: Range;
  readonly bodySpread: number;
  /** Intensity of lesions, tubes and plates over the body's 1, before a pair's brightness multiplies it. */
  readonly excess: Range;
  readonly brightness: Range;
  /** Voxels of bright things, as multiples of the most that lesions can fill. */
  readonly brightVolume: Range;
};

/** A case that can be made when it is needed. */
export interface PhantomCase {
  /** Its row of the table. Images and masks lie in folders of these names; negatives have no mask. */
  readonly case: CohortCase;
  /** What `lesionPhantom` makes it from. */
  readonly recipe: LesionPhantomOptions;
}

/** A case with its voxels. */
export interface PhantomCohortCase {
  readonly case: CohortCase;
  /** One channel. */
  readonly image: Volume;
  /** 1 in lesions, else 0; of a negative all 0. */
  readonly mask: Volume;
}

/**
 * The options with everything filled in.
 * @throws UsageError when the numbers of lesions make no sense.
 */
export function phantomCohortSettings(options: PhantomCohortOptions = {}): PhantomCohortSettings {
  const shape = options.shape ?? [64, 64, 64];
  const scale = Math.min(...shape) / 64;
  const settings: PhantomCohortSettings = {
    shape,
    train: 160,
    validation: 40,
    seed: 0,
    lesions: [1, 3],
    lesionRadius: [4 * scale, 7 * scale],
    bodySize: [0.8, 0.9],
    bodySpread: 0.03,
    excess: [1, 2],
    brightness: [0.75, 1.25],
    brightVolume: [1.15, 1.85],
    ...options,
  };
  const [fewest, most] = settings.lesions;
  if (!Number.isInteger(fewest) || !Number.isInteger(most) || fewest < 1 || most < fewest) {
    throw new UsageError('phantom cohort', `A positive cannot have from ${fewest} to ${most} lesions.`, {
      remedy: 'Give the fewest, at least 1, and then the most.',
    });
  }
  return settings;
}

/** All cases without their voxels, training first: positives and negatives in turn. */
export function phantomCases(options: PhantomCohortOptions = {}): PhantomCase[] {
  const settings = phantomCohortSettings(options);
  const [forTraining, forValidation] = randomStreams(settings.seed, 2);
  const cases = [
    ...drawCases('train', settings.train, settings, forTraining),
    ...drawCases('validation', settings.validation, settings, forValidation),
  ];
  // The header is line 1.
  return cases.map(({ case: row, recipe }, i) => ({ case: { ...row, line: i + 2 }, recipe }));
}

/** Makes one case after the other, so that only one is in memory. Same options, same bytes. */
export function* phantomCohort(options: PhantomCohortOptions = {}): Generator<PhantomCohortCase> {
  for (const { case: row, recipe } of phantomCases(options)) {
    const { image, mask } = lesionPhantom(recipe);
    yield { case: row, image, mask };
  }
}

type DrawnCase = Omit<PhantomCase, 'case'> & { readonly case: Omit<CohortCase, 'line'> };

function drawCases(
  split: Split,
  count: number,
  settings: PhantomCohortSettings,
  random: Random,
): DrawnCase[] {
  const cases: DrawnCase[] = [];
  while (cases.length < count) {
    const shared = drawShared(settings, random);
    const [fewest, most] = settings.lesions;
    for (const lesions of [fewest + random.below(most - fewest + 1), 0]) {
      const name = `${split}-${String(cases.length + 1).padStart(3, '0')}`;
      const recipe = { ...shared, lesions, seed: random.below(2 ** 31) };
      cases.push({ case: rowOf(name, split, lesions > 0), recipe });
    }
  }
  return cases.slice(0, count);
}

/** What a positive and its negative have in common. */
function drawShared(settings: PhantomCohortSettings, random: Random): LesionPhantomOptions {
  const { shape, lesions, lesionRadius, bodySpread, excess } = settings;
  const size = random.uniform(settings.bodySize);
  const brightness = random.uniform(settings.brightness);
  const mostOfLesions = lesions[1] * (4 / 3) * Math.PI * lesionRadius[1] ** 3;
  const intensity: Range = [1 + brightness * excess[0], 1 + brightness * excess[1]];
  return {
    shape,
    bodySize: [size - bodySpread, size + bodySpread],
    lesionRadius,
    lesionIntensity: intensity,
    distractorIntensity: intensity,
    // Every bright thing but the lesions comes from here.
    tubes: 0,
    plates: 0,
    brightVolume: Math.round(mostOfLesions * random.uniform(settings.brightVolume)),
  };
}

function rowOf(name: string, split: Split, positive: boolean): Omit<CohortCase, 'line'> {
  return {
    name,
    patient: name,
    split,
    labels: [positive ? 1 : 0],
    images: [`images/${name}.nii.gz`],
    mask: positive ? `masks/${name}_mask.nii.gz` : undefined,
  };
}
