/**
 * When a PET scan began, to which its values are corrected for decay, and when the tracer was injected: the two times between
 * which the dose decays. Files say both in several ways that contradict each other once a series was processed again; the
 * order of trust is that of QIBA's pseudo-code (see suv.ts). A time that cannot be is refused.
 */
import { VolumeError } from '../../errors.ts';
import { number } from './geometry.ts';
import type { Dataset, DicomObject } from './object.ts';
import { privateTag } from './private.ts';
import { DAY, dateSeconds, dateTimeSeconds, sayTime, timeSeconds, zoneSeconds } from './times.ts';

const TAGS = {
  radiopharmaceuticals: '00540016',
  startTime: '00181072',
  halfLife: '00181075',
  startDateTime: '00181078',
  seriesDate: '00080021',
  seriesTime: '00080031',
  acquisitionDate: '00080022',
  acquisitionTime: '00080032',
  acquisitionDateTime: '0008002a',
  studyDate: '00080020',
  zone: '00080201',
  frameReferenceTime: '00541300',
  frameDuration: '00181242',
} as const;

export const SUV_OFF =
  'Mend the files, or have their own values and not SUV (suv: false; on the command line --no-suv).';
/** Seconds by which a dynamic scan may begin before the injection. */
const SCAN_BEFORE_INJECTION = 600;
/** Seconds. A tracer of a longer half-life may be injected days before, and a time of day says nothing. */
const LONG_HALF_LIFE = 6 * 3600;
const MOST_HOURS_WITHOUT_DATE = 12;
/** Seconds to which times of one scan agree: some are without fractions. */
const TIME_TOLERANCE = 1;
/** Share of the half-life to which starts of the scan agree that are worked out from several frames. */
const START_TOLERANCE = 0.01;

/** Refuses to work out SUV from an object. */
export function refuseSuv(object: DicomObject, problem: string): never {
  throw new VolumeError(object.name, problem, { remedy: SUV_OFF });
}

/** When the tracer was injected, in seconds on the clock of the scan. */
export function injectionTime(
  object: DicomObject,
  injection: Dataset,
  scan: number,
  halfLife: number,
): number {
  const { dataset } = object;
  if (injection.has(TAGS.startDateTime)) {
    const text = injection.string(TAGS.startDateTime);
    const dated = dateTimeSeconds(text, zoneSeconds(dataset.string(TAGS.zone)));
    if (dated === undefined) {
      refuseSuv(
        object,
        `Radiopharmaceutical Start DateTime (0018,1078) is "${text}", which is no date with a time.`,
      );
    }
    if (scan - dated < -SCAN_BEFORE_INJECTION) {
      refuseSuv(
        object,
        `Its tracer was injected on ${sayTime(dated)} and the scan begun on ${sayTime(scan)}, before that.`,
      );
    }
    return dated;
  }
  const text = injection.string(TAGS.startTime);
  if (text === undefined) {
    refuseSuv(
      object,
      'SUV needs the time of the injection: Radiopharmaceutical Start DateTime (0018,1078) and Start Time (0018,1072) are missing.',
    );
  }
  const time = timeSeconds(text);
  if (time === undefined)
    refuseSuv(object, `Radiopharmaceutical Start Time (0018,1072) is "${text}", which is no time.`);
  if (halfLife > LONG_HALF_LIFE) {
    refuseSuv(
      object,
      `Its tracer has a half-life of ${number(halfLife / 3600)} hours, and only the time of day of its injection is given, not the day (Radiopharmaceutical Start DateTime, 0018,1078).`,
    );
  }
  const sameDay = Math.floor(scan / DAY) * DAY + time;
  // A scan soon after midnight: the injection was the day before.
  const injected = scan - sameDay < -SCAN_BEFORE_INJECTION ? sameDay - DAY : sameDay;
  if (scan - injected > MOST_HOURS_WITHOUT_DATE * 3600) {
    refuseSuv(
      object,
      `Its tracer was injected at ${text} and the scan begun on ${sayTime(scan)}: before, or ${number((scan - injected) / 3600)} hours after it.`,
    );
  }
  return injected;
}

export interface ScanStart {
  readonly seconds: number;
  /** Which attributes say so. */
  readonly source: string;
}

/** The time to which a series with Decay Correction START is corrected. */
export function scanStart(objects: readonly DicomObject[], name: string): ScanStart {
  const series = earliest(objects.map(({ dataset }) => clock(dataset, TAGS.seriesDate, TAGS.seriesTime)));
  const acquisition = earliest(objects.map(({ dataset }) => acquisitionStart(dataset)));
  if (series !== undefined && (acquisition === undefined || series <= acquisition + TIME_TOLERANCE)) {
    return { seconds: series, source: 'Series Date and Time' };
  }
  if (acquisition === undefined) {
    throw new VolumeError(
      name,
      'SUV needs the time of the scan: Series Time (0008,0031) and Acquisition Time (0008,0032), or their dates, are missing.',
      { remedy: SUV_OFF },
    );
  }
  // A series later than its acquisition was made from another one: its time is that of the processing.
  const ge = earliest(objects.map(({ dataset }) => geScanStart(dataset)));
  if (ge !== undefined) return { seconds: ge, source: 'the scan’s time of GE, 0009,100d' };
  const reckoned = objects.map(({ dataset }) => reckonedStart(dataset));
  if (reckoned.every((time) => time !== undefined)) {
    const halfLife = objects[0].dataset.sequence(TAGS.radiopharmaceuticals)[0]?.number(TAGS.halfLife) ?? 0;
    const first = earliest(reckoned)!;
    const spread = reckoned.reduce((most, time) => Math.max(most, time - first), 0);
    if (spread > START_TOLERANCE * halfLife) {
      throw new VolumeError(
        name,
        `Its frames contradict each other about the start of the scan: by Frame Reference Time (0054,1300) it was from ${sayTime(first)} to ${number(spread)} s later.`,
        { remedy: SUV_OFF },
      );
    }
    return { seconds: first, source: 'Acquisition Time less Frame Reference Time' };
  }
  return { seconds: acquisition, source: 'the earliest Acquisition Date and Time' };
}

function earliest(times: readonly (number | undefined)[]): number | undefined {
  return times.reduce((least, time) => (time !== undefined && !(least! <= time) ? time : least), undefined);
}

function clock(dataset: Dataset, dateTag: string, timeTag: string): number | undefined {
  const date = [dateTag, TAGS.seriesDate, TAGS.studyDate]
    .map((tag) => dateSeconds(dataset.string(tag)))
    .find((day) => day !== undefined);
  const time = timeSeconds(dataset.string(timeTag));
  return date === undefined || time === undefined ? undefined : date + time;
}

function acquisitionStart(dataset: Dataset): number | undefined {
  return (
    clock(dataset, TAGS.acquisitionDate, TAGS.acquisitionTime) ??
    dateTimeSeconds(dataset.string(TAGS.acquisitionDateTime), zoneSeconds(dataset.string(TAGS.zone)))
  );
}

function geScanStart(dataset: Dataset): number | undefined {
  const tag = privateTag(dataset, '0009', 'GEMS_PETD_01', '0d');
  return tag ? dateTimeSeconds(dataset.string(tag), zoneSeconds(dataset.string(TAGS.zone))) : undefined;
}

/**
 * Back from the frame: Frame Reference Time is how long after the start of the scan the activity was what it was on average
 * over the frame, which at decay constant λ and duration T is ln(λT / (1 − exp(−λT))) / λ after the frame's start.
 */
function reckonedStart(dataset: Dataset): number | undefined {
  const acquisition = acquisitionStart(dataset);
  const reference = dataset.number(TAGS.frameReferenceTime);
  const duration = dataset.number(TAGS.frameDuration);
  const halfLife = dataset.sequence(TAGS.radiopharmaceuticals)[0]?.number(TAGS.halfLife);
  if (acquisition === undefined || !(reference! > 0) || !(duration! > 0) || !(halfLife! > 0))
    return undefined;
  const decay = Math.LN2 / halfLife!;
  const lost = (decay * duration!) / 1000;
  return acquisition - reference! / 1000 + Math.log(lost / -Math.expm1(-lost)) / decay;
}
