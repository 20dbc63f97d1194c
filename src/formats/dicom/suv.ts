/**
 * Standardised uptake value by body weight, SUV = activity [Bq/ml] · weight [g] / activity injected [Bq], the latter decayed
 * to the time that the image is corrected to. When that was is the difficulty; the order of sources is that of the
 * vendor-neutral pseudo-code of QIBA (RSNA), "SUV calculation". Where Philips gives counts it gives the factor too. What is
 * missing or makes no sense is refused by its name: a wrong SUV looks like a right one.
 */
import { VolumeError } from '../../errors.ts';
import { number } from './geometry.ts';
import type { Dataset, DicomObject } from './object.ts';
import type { Plane } from './planes.ts';
import { privateTag } from './private.ts';
import { injectionTime, refuseSuv as refuse, type ScanStart, SUV_OFF, scanStart } from './scan-start.ts';
import { sayTime } from './times.ts';

export interface PetScaling {
  /** What the rescaled values of each plane are multiplied by. */
  readonly factors: readonly number[];
  /** 'SUVbw', or what the files have. */
  readonly units?: string;
  readonly notes: readonly string[];
}

const TAGS = {
  units: '00541001',
  suvType: '00541006',
  correctedImage: '00280051',
  decayCorrection: '00541102',
  weight: '00101030',
  radiopharmaceuticals: '00540016',
  totalDose: '00181074',
  halfLife: '00181075',
} as const;

/** How Units (0054,1001) of the files' own values are written. */
const OWN_UNITS: Readonly<Record<string, string>> = {
  BQML: 'Bq/ml',
  CNTS: 'counts',
  GML: 'g/ml',
  CPS: 'counts/s',
};
/** No dose for imaging people, or mice, is below it in Bq; in MBq none is above. */
const LEAST_DOSE = 10_000;
/** Kilograms; a number above is in grams. */
const MOST_WEIGHT = 600;
/** Half-lives after which nothing is left to be seen: such a time between injection and scan is a wrong date. */
const MOST_HALF_LIVES = 12;

/**
 * The factors to SUV by body weight.
 * @param suv false: the files' own values, factor 1.
 * @throws VolumeError when the files do not give what SUV needs, or contradict themselves.
 */
export function petScaling(planes: readonly Plane[], name: string, suv: boolean): PetScaling {
  const objects = [...new Set(planes.map(({ object }) => object))];
  const units = oneOf(objects, TAGS.units, name, 'Units (0054,1001)');
  const type = oneOf(objects, TAGS.suvType, name, 'SUV Type (0054,1006)');
  const each = (factors: ReadonlyMap<DicomObject, number>) =>
    planes.map(({ object }) => factors.get(object)!);
  const byWeight = units === 'GML' && (type === undefined || type === 'BW');
  if (byWeight) {
    return {
      factors: planes.map(() => 1),
      units: 'SUVbw',
      notes: [
        `The values are SUV by body weight already (Units GML, ${type ? 'SUV Type BW' : 'no SUV Type, which means BW'}).`,
      ],
    };
  }
  if (!suv) {
    return { factors: planes.map(() => 1), units: units && (OWN_UNITS[units] ?? units), notes: [] };
  }
  if (units === 'BQML') {
    const { factors, notes } = activityFactors(objects, name);
    return { factors: each(factors), units: 'SUVbw', notes };
  }
  if (units === 'CNTS') {
    const { factors, notes } = countFactors(objects, name);
    return { factors: each(factors), units: 'SUVbw', notes };
  }
  throw new VolumeError(
    name,
    units === undefined
      ? 'It is PET that does not say in which unit its values are (Units, 0054,1001), so that no SUV can be worked out.'
      : units === 'GML'
        ? `Its values are SUV of type ${type} (0054,1006), which cannot be turned into SUV by body weight without guesses.`
        : `Its values are in ${units} (Units, 0054,1001), from which no SUV can be worked out; known are BQML, GML and Philips' CNTS.`,
    { remedy: SUV_OFF },
  );
}

function oneOf(objects: readonly DicomObject[], tag: string, name: string, what: string): string | undefined {
  const values = new Set(objects.map(({ dataset }) => dataset.string(tag)));
  if (values.size > 1) {
    throw new VolumeError(
      name,
      `Its files differ in ${what}: ${[...values].map((v) => v ?? 'none').join(', ')}.`,
      {
        remedy: 'Give only files that belong together.',
      },
    );
  }
  return [...values][0];
}

interface Factors {
  readonly factors: ReadonlyMap<DicomObject, number>;
  readonly notes: readonly string[];
}

/** Philips: a factor to SUV if there is one, else a factor to Bq/ml. */
function countFactors(objects: readonly DicomObject[], name: string): Factors {
  const factor = (dataset: Dataset, element: string) => {
    const tag = privateTag(dataset, '7053', 'Philips PET Private Group', element);
    const value = tag ? dataset.number(tag) : undefined;
    return value !== undefined && Number.isFinite(value) && value > 0 ? value : undefined;
  };
  const read = (element: string) =>
    new Map(objects.map((object) => [object, factor(object.dataset, element)] as const));
  const isWhole = (
    found: ReadonlyMap<DicomObject, number | undefined>,
  ): found is ReadonlyMap<DicomObject, number> => [...found.values()].every((value) => value !== undefined);

  const toSuv = read('00');
  if (isWhole(toSuv)) {
    return {
      factors: toSuv,
      notes: ['Counts are turned into SUV by body weight by the factor of Philips (7053,1000).'],
    };
  }
  const toActivity = read('09');
  if (isWhole(toActivity)) {
    const { factors, notes } = activityFactors(objects, name);
    return {
      factors: new Map(objects.map((object) => [object, toActivity.get(object)! * factors.get(object)!])),
      notes: ['Counts are turned into Bq/ml by the factor of Philips (7053,1009).', ...notes],
    };
  }
  throw new VolumeError(
    name,
    'Its values are counts (Units CNTS), and the factors by which Philips turns them into SUV (7053,1000) or Bq/ml (7053,1009) are not in all of its files.',
    { remedy: SUV_OFF },
  );
}

/** Factors from Bq/ml. */
function activityFactors(objects: readonly DicomObject[], name: string): Factors {
  const start = once(() => scanStart(objects, name));
  const reckoned = objects.map((object) => bodyWeightFactor(object, start));
  const [first] = reckoned;
  const odd = reckoned.findIndex(({ factor }) => Math.abs(factor / first.factor - 1) > 1e-6);
  if (odd >= 0) {
    throw new VolumeError(
      name,
      `Its files differ in weight, dose or times, which give other factors to SUV: ${first.note} (${objects[0].name}) ${reckoned[odd].note} (${objects[odd].name})`,
      { remedy: 'Give only files that belong together.' },
    );
  }
  return { factors: new Map(objects.map((object, i) => [object, reckoned[i].factor])), notes: [first.note] };
}

function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

/** The factor from Bq/ml to g/ml: weight / dose that is left. */
function bodyWeightFactor(object: DicomObject, start: () => ScanStart): { factor: number; note: string } {
  const { dataset } = object;
  checkCorrections(object);
  const weight = needed(object, dataset, TAGS.weight, "Patient's Weight");
  if (weight > MOST_WEIGHT) {
    refuse(object, `Patient's Weight (0010,1030) is ${weight}, which are no kilograms.`);
  }
  const injections = dataset.sequence(TAGS.radiopharmaceuticals);
  if (injections.length !== 1) {
    refuse(
      object,
      injections.length === 0
        ? 'SUV needs the dose, and there is no Radiopharmaceutical Information Sequence (0054,0016).'
        : `It names ${injections.length} injections (0054,0016), and does not say which is to be seen.`,
    );
  }
  const [injection] = injections;
  const dose = needed(object, injection, TAGS.totalDose, 'Radionuclide Total Dose');
  if (dose < LEAST_DOSE) {
    refuse(
      object,
      `Radionuclide Total Dose (0018,1074) is ${dose}, which as becquerel is next to nothing: it seems to be in MBq, against the standard.`,
    );
  }
  const injected = `${number(weight)} kg, ${number(dose / 1e6)} MBq`;
  if (dataset.string(TAGS.decayCorrection) === 'ADMIN') {
    return {
      factor: (weight * 1000) / dose,
      note: `Bq/ml are turned into SUV by body weight: ${injected}; the values are decay-corrected to the injection.`,
    };
  }
  const halfLife = needed(object, injection, TAGS.halfLife, 'Radionuclide Half Life');
  const { seconds: scan, source } = start();
  const decay = scan - injectionTime(object, injection, scan, halfLife);
  if (decay > MOST_HALF_LIVES * halfLife) {
    refuse(
      object,
      `From the injection to the scan (${sayTime(scan)}) it would be ${number(decay / 3600)} hours, ${number(decay / halfLife)} half-lives: a date is wrong.`,
    );
  }
  return {
    factor: (weight * 1000) / (dose * 2 ** (-decay / halfLife)),
    note: `Bq/ml are turned into SUV by body weight: ${injected}, decayed over ${number(decay)} s (half-life ${number(halfLife)} s) to the start of the scan (${source}).`,
  };
}

/** SUV is of activity that is corrected for attenuation, and for decay to a known time. */
function checkCorrections(object: DicomObject): void {
  const { dataset } = object;
  const corrections = dataset.strings(TAGS.correctedImage);
  const decay = dataset.string(TAGS.decayCorrection);
  if (decay !== 'START' && decay !== 'ADMIN') {
    refuse(
      object,
      decay === undefined
        ? 'It does not say to which time it is corrected for decay (Decay Correction, 0054,1102).'
        : `It is not corrected for decay to a time that is known (Decay Correction, 0054,1102, is ${decay}).`,
    );
  }
  for (const [code, what] of [
    ['ATTN', 'attenuation'],
    ['DECY', 'decay'],
  ]) {
    if (corrections.length > 0 && !corrections.includes(code)) {
      refuse(
        object,
        `It is not corrected for ${what} (Corrected Image, 0028,0051, is ${corrections.join(', ')}).`,
      );
    }
  }
}

function needed(object: DicomObject, dataset: Dataset, tag: string, what: string): number {
  const value = dataset.number(tag);
  const place = `(${tag.slice(0, 4)},${tag.slice(4)})`;
  if (!dataset.has(tag)) refuse(object, `SUV needs ${what} ${place}, which is missing.`);
  if (value === undefined || !Number.isFinite(value) || value <= 0) {
    refuse(object, `SUV needs ${what} ${place}, which is "${dataset.string(tag)}".`);
  }
  return value;
}
