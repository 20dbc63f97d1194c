/** What a volume in a file is: its header, whatever is wrong with it, and the range of its values. */
import { type NiftiInfo, niftiProblems, readNiftiHeader } from '../../formats/nifti.ts';
import { inspectVolumeFile } from '../../formats/volume-file.ts';
import { channelStatistics, type Statistics } from '../../volume/statistics.ts';
import { openSource } from '../files.ts';
import { messageOf, type Run } from '../run.ts';
import { readVolume, withCompanions } from '../volumes.ts';
import {
  type Description,
  noteLine,
  placeFacts,
  placeLines,
  problemLine,
  short,
  valueLines,
} from './description.ts';

interface Options {
  readonly header?: boolean;
}

export async function describeNifti(
  path: string,
  { header }: Options,
  { signal }: Run,
): Promise<Description> {
  const info = await readNiftiHeader(await openSource(path), path, { signal });
  const problems = niftiProblems(info).map(({ problem, remedy }) => `${problem} ${remedy}`);
  const values = problems.length === 0 && !header ? await valuesOf(path, problems, signal) : undefined;
  const lines = [path, ...headerLines(info), ...valueLines(values ?? []), ...problems.map(problemLine)];
  return { lines, facts: { kind: 'volume', file: path, ...headerFacts(info), values, problems } };
}

/** NRRD, MetaImage and .npy. */
export async function describeOther(
  path: string,
  { header }: Options,
  { signal }: Run,
): Promise<Description> {
  const source = await openSource(path);
  const { header: found, compressed } = await inspectVolumeFile(
    source,
    path,
    withCompanions(path, { int64: 'convert', signal }),
  );
  const { format, datatype, endian, encoding, dataFile, channels, shape, affine, notes } = found!;
  const place = { channels, shape, geometry: { affine } };
  const problems: string[] = [];
  const values = header ? undefined : await valuesOf(path, problems, signal);
  const container = `${compressed ? ', gzip' : ''}${dataFile === undefined ? '' : `, voxels in ${dataFile}`}`;
  const lines = [
    path,
    `  format    ${format}${container}, ${encoding}, ${endian}-endian, ${datatype}`,
    ...placeLines(place),
    ...valueLines(values ?? []),
    ...notes.map(noteLine),
    ...problems.map(problemLine),
  ];
  const said = { format, compressed, encoding, dataFile, endian, datatype };
  return {
    lines,
    facts: { kind: 'volume', file: path, ...said, ...placeFacts(place), values, notes, problems },
  };
}

/** The range of each channel; what keeps them from being read becomes a problem. */
async function valuesOf(
  path: string,
  problems: string[],
  signal: AbortSignal,
): Promise<readonly Statistics[] | undefined> {
  try {
    const { volume, notFinite } = await readVolume(path, { nan: 'zero', signal });
    if (notFinite > 0) problems.push(`${notFinite} voxels are not finite; they count as 0 here.`);
    return channelStatistics(volume);
  } catch (error) {
    problems.push(messageOf(error));
    return undefined;
  }
}

function headerFacts(info: NiftiInfo): Record<string, unknown> {
  const { version, compressed, pair, endian, datatype, dims, shape, channels, geometry } = info;
  return {
    format: `NIfTI-${version}`,
    compressed,
    pair,
    endian,
    datatype,
    slope: info.slope,
    inter: info.inter,
    dims: dims.slice(1, dims[0] + 1),
    ...placeFacts({ shape, channels, geometry }),
    affineSource: info.affineSource,
    qformCode: geometry.nifti.qformCode,
    sformCode: geometry.nifti.sformCode,
    description: info.description,
  };
}

function headerLines(info: NiftiInfo): string[] {
  const {
    version,
    compressed,
    pair,
    endian,
    datatype,
    slope,
    inter,
    shape,
    channels,
    geometry,
    description,
  } = info;
  const container = `${compressed ? ', gzip' : ''}${pair ? ', header of a pair' : ''}`;
  const scaled = slope !== 0 && Number.isFinite(slope) && (slope !== 1 || inter !== 0);
  return [
    `  format    NIfTI-${version}${container}, ${endian}-endian, ${datatype}${scaled ? ` × ${short(slope)} + ${short(inter)}` : ''}`,
    ...placeLines({ shape, channels, geometry }),
    `            from ${info.affineSource}; qform code ${geometry.nifti.qformCode}, sform code ${geometry.nifti.sformCode}`,
    ...(description ? [`  descrip   ${description}`] : []),
  ];
}
