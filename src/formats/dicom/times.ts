/**
 * Dates and times of DICOM (PS3.5 6.2) as seconds, of one clock: where the files say how far it is from UTC, they say it of
 * all times but those that carry their own offset.
 */

const DATE = /^(\d{4})[.-]?(\d{2})[.-]?(\d{2})$/;
const TIME = /^(\d{2})(?::?(\d{2})(?::?(\d{2})(?:\.(\d{1,6}))?)?)?$/;
const DATE_TIME = /^(\d{8})(\d{2}(?:\d{2}(?:\d{2}(?:\.\d{1,6})?)?)?)([+-]\d{4})?$/;

export const DAY = 86_400;

/** Seconds from 1970 to the beginning of a date (DA); undefined when it is none. */
export function dateSeconds(date: string | undefined): number | undefined {
  const match = DATE.exec(date ?? '');
  if (!match) return undefined;
  const [year, month, day] = match.slice(1).map(Number);
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  // A month of 13 or a 31st of June would roll over.
  return time.getUTCMonth() === month - 1 && time.getUTCDate() === day ? time.getTime() / 1000 : undefined;
}

/** Seconds since midnight (TM); undefined when it is no time of day. */
export function timeSeconds(time: string | undefined): number | undefined {
  const match = TIME.exec(time ?? '');
  if (!match) return undefined;
  const [hours, minutes, seconds] = match.slice(1, 4).map((part) => Number(part ?? 0));
  if (hours > 23 || minutes > 59 || seconds > 60) return undefined;
  return hours * 3600 + minutes * 60 + seconds + (match[4] ? Number(`0.${match[4]}`) : 0);
}

/**
 * Seconds from 1970 (DT, with a time of day); undefined when it is none.
 * @param zone how far the clock of the other times is from UTC, in seconds (Timezone Offset From UTC); unless it is
 *   known, an offset of this time's own cannot be told from theirs and is left out.
 */
export function dateTimeSeconds(text: string | undefined, zone?: number): number | undefined {
  const match = DATE_TIME.exec(text ?? '');
  if (!match) return undefined;
  const [date, time] = [dateSeconds(match[1]), timeSeconds(match[2])];
  if (date === undefined || time === undefined) return undefined;
  const offset = zoneSeconds(match[3]);
  return date + time + (offset !== undefined && zone !== undefined ? zone - offset : 0);
}

/** Seconds of an offset from UTC, "+0130". */
export function zoneSeconds(text: string | undefined): number | undefined {
  const match = /^([+-])(\d{2})(\d{2})$/.exec(text ?? '');
  if (!match) return undefined;
  return (match[1] === '-' ? -1 : 1) * (Number(match[2]) * 3600 + Number(match[3]) * 60);
}

/** Seconds from 1970 as "2004-05-19 10:17:57". */
export function sayTime(seconds: number): string {
  return new Date(Math.round(seconds) * 1000).toISOString().slice(0, 19).replace('T', ' ');
}
