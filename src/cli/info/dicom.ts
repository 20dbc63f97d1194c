/**
 * What DICOM there is: the series of a folder or a file, each with its place in the world, and of the one that is meant,
 * or the only one, the range of its values too. Of a file of regions, those (regions.ts).
 */
import { stackPlanes } from '../../formats/dicom/geometry.ts';
import { type DicomObject, readDicom } from '../../formats/dicom/object.ts';
import { objectPlanes } from '../../formats/dicom/planes.ts';
import {
  chooseSeries,
  type DicomSeries,
  decodeSeries,
  groupSeries,
  type PassedOver,
} from '../../formats/dicom/series.ts';
import { channelStatistics } from '../../volume/statistics.ts';
import { readDicomObjects } from '../dicom-folder.ts';
import type { DicomOptions } from '../dicom-options.ts';
import { readBytes } from '../files.ts';
import { messageOf, type Run } from '../run.ts';
import {
  type Description,
  noteLine,
  type Place,
  placeFacts,
  placeLines,
  problemLine,
  valueLines,
} from './description.ts';
import { describeRegions } from './regions.ts';

interface Options extends DicomOptions {
  readonly header?: boolean;
}

/** Files that a person is told of; programs are told of all. */
const LISTED = 5;

export async function describeDicomFolder(path: string, options: Options, run: Run): Promise<Description> {
  const { objects, strangers, folders, damaged } = await readDicomObjects(path, {
    listDamaged: true,
    signal: run.signal,
  });
  const others = [
    ...damaged,
    ...strangers.map((name) => ({ name, reason: 'It is not DICOM.' })),
    ...folders.map((name) => ({ name, reason: 'It is a folder, which is not looked into.' })),
  ];
  return describe(path, objects, others, options, run);
}

export async function describeDicomFile(path: string, options: Options, run: Run): Promise<Description> {
  const object = await readDicom(await readBytes(path), path);
  return (await describeRegions(object)) ?? describe(path, [object], [], options, run);
}

async function describe(
  path: string,
  objects: readonly DicomObject[],
  strangers: readonly PassedOver[],
  options: Options,
  { signal }: Run,
): Promise<Description> {
  const { series, passedOver: left } = groupSeries(objects);
  const passedOver = [...left, ...strangers];
  const meant = options.series === undefined ? undefined : chooseSeries(series, path, options.series, left);
  const shown = meant ? [meant] : series;
  const described: Description[] = [];
  for (const one of shown) {
    const whole = shown.length === 1 && !options.header;
    described.push(await describeSeries(one, whole ? { suv: options.suv, signal } : undefined));
  }
  const more = passedOver.length - LISTED;
  return {
    lines: [
      path,
      `  format    DICOM, ${objects.length} ${objects.length === 1 ? 'object' : 'objects'}, ${series.length} series`,
      ...described.flatMap(({ lines }) => lines),
      ...passedOver.slice(0, LISTED).map(({ name, reason }) => noteLine(`${name} is passed over. ${reason}`)),
      ...(more > 0 ? [noteLine(`${more} more are passed over.`)] : []),
    ],
    facts: {
      kind: 'dicom',
      file: path,
      format: 'DICOM',
      objects: objects.length,
      series: described.map(({ facts }) => facts),
      passedOver,
    },
  };
}

/** @param decode what to decode it with; its values are left alone otherwise. */
async function describeSeries(
  series: DicomSeries,
  decode: { readonly suv: boolean; readonly signal: AbortSignal } | undefined,
): Promise<Description> {
  const { uid, number, modality, description, objects } = series;
  const problems: string[] = [];
  const notes: string[] = [];
  const lines = [
    `  series    ${description || '(no description)'}`,
    `  uid       ${uid}`,
    `  number    ${number ?? '(none)'}, ${modality || 'no modality'}, ${objects.length} ${objects.length === 1 ? 'object' : 'objects'}`,
  ];
  const facts: Record<string, unknown> = { uid, number, modality, description, objects: objects.length };
  try {
    const place = placeOf(series);
    lines.push(...placeLines(place));
    Object.assign(facts, placeFacts(place));
    if (decode) {
      const { volume, units, notes: own } = await decodeSeries(series, { ...decode, nan: 'zero' });
      const values = channelStatistics(volume);
      lines.push(...valueLines(values, units));
      Object.assign(facts, { values, units });
      notes.push(...own);
    }
  } catch (error) {
    problems.push(messageOf(error));
  }
  lines.push(...notes.map(noteLine), ...problems.map(problemLine));
  return { lines, facts: { ...facts, notes, problems } };
}

/** From the headers alone. */
function placeOf({ objects, frames, description, uid }: DicomSeries): Place {
  const planes = objects.flatMap((object) => {
    const own = frames?.get(object);
    return objectPlanes(object).filter(({ frame }) => own === undefined || own.includes(frame));
  });
  const name = description ? `series "${description}" (${uid})` : `series ${uid}`;
  const depth = planes.length === 1 ? planes[0].depth : undefined;
  const { affine } = stackPlanes(planes, name, { depth });
  const [rows, columns] = planes[0].size;
  return { shape: [planes.length, rows, columns], channels: 1, geometry: { affine } };
}
