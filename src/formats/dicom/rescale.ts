/**
 * From stored values to what they stand for: slope × stored + intercept, with a slope and an intercept for each plane (PET
 * has one a slice). A dose grid has a scaling of its own. What is not a straight line is refused, and what the files offer
 * besides, a mapping to real-world values or a value that marks padding, is left and said.
 */
import { VolumeError } from '../../errors.ts';
import { number } from './geometry.ts';
import { GROUPS } from './headers.ts';
import type { Plane } from './planes.ts';

export interface Rescale {
  readonly slope: number;
  readonly intercept: number;
}

const SLOPE = '00281053';
const INTERCEPT = '00281052';
const RESCALE_TYPE = '00281054';
const MODALITY_LUT = '00283000';
const DOSE_GRID_SCALING = '3004000e';
const PADDING = '00280120';
const PADDING_LIMIT = '00280121';
/** Measurement Units Code Sequence, which each mapping has. */
const REAL_WORLD_UNITS = '004008ea';

const DAMAGED = 'Its header is damaged: export or download it again.';

/**
 * How the stored values of a plane are scaled.
 * @throws VolumeError when it is not by a straight line, or not by finite numbers.
 */
export function planeRescale({ header, object, label }: Plane): Rescale {
  const { dataset } = object;
  if (dataset.sequence(MODALITY_LUT).length > 0) {
    throw new VolumeError(
      label,
      'Its values stand in a table (Modality LUT Sequence, 0028,3000), not on a line.',
      {
        remedy: 'Export it with a rescale slope and intercept.',
      },
    );
  }
  const read = (tag: string, what: string, otherwise: number) => {
    const found = header(tag, GROUPS.values);
    if (!found) return otherwise;
    const value = found.number(tag);
    if (value === undefined || !Number.isFinite(value)) {
      throw new VolumeError(label, `Its ${what} is "${found.string(tag)}".`, { remedy: DAMAGED });
    }
    return value;
  };
  const dose = isDose(object.dataset.string('00080060'));
  const slope = dose ? read(DOSE_GRID_SCALING, 'Dose Grid Scaling', 0) : read(SLOPE, 'Rescale Slope', 1);
  const intercept = dose ? 0 : read(INTERCEPT, 'Rescale Intercept', 0);
  if (slope === 0) {
    throw new VolumeError(
      label,
      dose
        ? 'It has no Dose Grid Scaling (3004,000e), without which its values are no dose.'
        : 'Its Rescale Slope is 0, which would make all values one.',
      { remedy: DAMAGED },
    );
  }
  return { slope, intercept };
}

function isDose(modality: string | undefined): boolean {
  return modality === 'RTDOSE';
}

/** What the rescaled values are, where the files say it: HU, Gy. */
export function rescaledUnits({ header, object: { dataset } }: Plane): string | undefined {
  const modality = dataset.string('00080060');
  if (isDose(modality)) return dataset.string('30040002') === 'GY' ? 'Gy' : dataset.string('30040002');
  const type = header(RESCALE_TYPE, GROUPS.values)?.string(RESCALE_TYPE);
  // "US" is unspecified. Only CT has a unit where nothing is said (PS3.3 C.11.1.1.2), of rescaled values.
  if (type && type !== 'US') return type;
  return modality === 'CT' && header(INTERCEPT, GROUPS.values) ? 'HU' : undefined;
}

/** What was done to the stored values, and what was not, as sentences. */
export function rescaleNotes(planes: readonly Plane[], rescales: readonly Rescale[]): string[] {
  const notes: string[] = [];
  const slopes = range(rescales.map(({ slope }) => slope));
  const intercepts = range(rescales.map(({ intercept }) => intercept));
  if (slopes !== '1' || intercepts !== '0') {
    notes.push(
      `Stored values are multiplied by the slope (${slopes}), and the intercept (${intercepts}) is added.`,
    );
  }
  const { dataset } = planes[0].object;
  if (dataset.has(PADDING)) {
    const limit = dataset.number(PADDING_LIMIT);
    notes.push(
      `Padding, stored as ${dataset.number(PADDING)}${limit === undefined ? '' : ` to ${limit}`} (Pixel Padding Value), is kept as values.`,
    );
  }
  const mapped = planes.some(
    ({ header, object }) =>
      object.dataset.has(GROUPS.realWorldValues) || header(REAL_WORLD_UNITS, GROUPS.realWorldValues),
  );
  if (mapped) {
    notes.push('The Real World Value Mapping of the files is not applied.');
  }
  if (dataset.string('00280004') === 'MONOCHROME1') {
    notes.push('The files are shown with high values dark (MONOCHROME1); the values are as stored.');
  }
  return notes;
}

/** One number, or from the least to the most. */
function range(values: readonly number[]): string {
  let [least, most] = [values[0], values[0]];
  for (const value of values) {
    if (value < least) least = value;
    if (value > most) most = value;
  }
  return least === most ? significant(least) : `${significant(least)} to ${significant(most)}, one a plane`;
}

function significant(value: number): string {
  return Math.abs(value) >= 1 ? number(value) : String(Number(value.toPrecision(5)));
}
