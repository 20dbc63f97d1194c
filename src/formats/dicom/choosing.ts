/** Which of several series is meant: nothing is read that could be something else. */
import { VolumeError } from '../../errors.ts';
import { baseUid, type DicomSeries, type PassedOver } from './grouping.ts';

/**
 * Chooses one series: the only one, or the one that a text names. It is a UID (or the beginning of UIDs before "#"), a
 * series number, a description or a part of one; the first of these that fits any series counts.
 * @param name what errors call the place that the series are from.
 * @param passedOver what else is there, for the sentence that there is no series.
 * @throws VolumeError that lists the series when none or several are meant.
 */
export function chooseSeries(
  series: readonly DicomSeries[],
  name: string,
  choice?: string,
  passedOver: readonly PassedOver[] = [],
): DicomSeries {
  if (series.length === 0) {
    const [first] = passedOver;
    const others =
      passedOver.length > 1 ? ` (and ${passedOver.length - 1} more that are no images of a volume)` : '';
    throw new VolumeError(
      name,
      first
        ? first.name === name && passedOver.length === 1
          ? first.reason
          : `There is no DICOM series to be read as a volume: ${first.name}: ${first.reason}${others}`
        : 'There is no DICOM series in it.',
      { remedy: 'Give the images of a CT, MR or PET series.' },
    );
  }
  const meant = choice === undefined ? series : meantSeries(series, choice);
  if (meant.length === 1) return meant[0];
  const listing = (meant.length > 0 ? meant : series).map((one) => `\n  ${describe(one)}`).join('');
  throw new VolumeError(
    name,
    meant.length === 0
      ? `None of its ${series.length} series has "${choice}" for a UID, a number or in its description:${listing}\n`
      : `${choice === undefined ? 'It holds' : `"${choice}" means`} ${meant.length} series:${listing}\n`,
    { remedy: 'Choose one by its UID, its number or a text in its description (--series).' },
  );
}

function meantSeries(series: readonly DicomSeries[], choice: string): readonly DicomSeries[] {
  const text = choice.trim().toLowerCase();
  const readings: ((one: DicomSeries) => boolean)[] = [
    ({ uid }) => uid === text,
    (one) => baseUid(one) === text,
    (one) => one.number !== undefined && String(one.number) === text,
    ({ description }) => description.toLowerCase() === text,
    ({ description }) => text !== '' && description.toLowerCase().includes(text),
  ];
  return readings.map((fits) => series.filter(fits)).find((found) => found.length > 0) ?? [];
}

/** UID, number, modality, description, count. */
function describe(series: DicomSeries): string {
  const { uid, number: seriesNumber, modality, description, objects } = series;
  const files = objects.length === 1 ? '1 file' : `${objects.length} files`;
  return [
    uid,
    seriesNumber === undefined ? 'no number' : `number ${seriesNumber}`,
    modality || 'no modality',
    description ? `"${description}"` : 'no description',
    files,
  ].join(', ');
}
