/**
 * Which series of a patient are the pre-contrast one and the first after contrast. The archive's list of files says it;
 * without it the descriptions do, which differ by scanner and year: "ax dyn pre" and "ax dyn 1st pass", or "ax 3d dyn"
 * and "Ph1ax 3d dyn" where a scanner numbers the phases behind the first.
 */
import { type Sequence, type SeriesList, seriesKey } from './tables.ts';

export interface SeriesFolder {
  /** From the archive's folder. */
  readonly path: string;
  /** The last of it. */
  readonly name: string;
}

export const SEQUENCES: readonly Sequence[] = ['pre', 'post_1'];

/** Folders that the list of files names. */
export function listedFolders(
  folders: readonly SeriesFolder[],
  list: SeriesList,
  patient: string,
  sequence: Sequence,
): SeriesFolder[] {
  const keys = list.get(patient)?.[sequence] ?? new Set();
  return folders.filter(({ name }) => {
    const key = seriesKey(name);
    // One downloader puts the modality before the series' UID.
    return keys.has(key) || (key.startsWith('mr') && keys.has(key.slice(2)));
  });
}

/** Folders whose descriptions fit: one where it is clear. */
export function describedFolders(folders: readonly SeriesFolder[], sequence: Sequence): SeriesFolder[] {
  const described = folders.map((folder) => ({ folder, text: description(folder.name) }));
  const dynamic = described.filter(({ text }) => /dyn|vibrant/.test(text));
  const fitting = (candidates: typeof described, test: (text: string) => boolean) =>
    candidates.filter(({ text }) => test(text)).map(({ folder }) => folder);
  if (sequence === 'post_1') {
    return fitting(dynamic, (text) => /ph ?1(?!\d)|(?<!\d)1st|post_?1(?!\d)/.test(text));
  }
  const before = (text: string) => /pre(?![a-z])/.test(text);
  const attempts = [
    fitting(dynamic, before),
    // The first phase of several has no number.
    fitting(dynamic, (text) => !/ph ?\d|\d(st|nd|rd|th)|post/.test(text)),
    // The plain T1 of an examination may be "pre" as well, but has fat in it.
    fitting(described, (text) => before(text) && !/t1/.test(text)),
  ];
  return attempts.find((found) => found.length > 0) ?? [];
}

/** Of "26.000000-ax dyn pre-93877" what stands in the middle. */
function description(name: string): string {
  return (/^\d+\.\d+-(.*)-[^-]*$/.exec(name)?.[1] ?? name).toLowerCase();
}
