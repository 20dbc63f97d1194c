/**
 * A copy of a cohort, or of volumes, in which everything is mended that can be without asking anybody. The source is only
 * read. What needs no mending is copied byte for byte; a qform is written into the header and nothing else is touched; a
 * file whose voxels change is written anew as NIfTI. The record of what was done and the table come last, so that a folder
 * with a table is whole.
 */
import { cp, readdir, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, isAbsolute, join, relative, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { checkTable, fixableIn } from '../../datasets/checks/battery.ts';
import type { CohortFacts, FileFacts } from '../../datasets/checks/facts.ts';
import { type CohortCase, writeCohort } from '../../datasets/cohort.ts';
import type { ReadTable } from '../../datasets/cohort-table.ts';
import { TonnoError, UsageError } from '../../errors.ts';
import { ByteReader } from '../../formats/bytes.ts';
import { patchQform, qformFromSform } from '../../formats/nifti/forms.ts';
import { encodeNifti, readNiftiHeader } from '../../formats/nifti.ts';
import { VERSION } from '../../version.ts';
import type { Volume } from '../../volume/volume.ts';
import {
  exists,
  jsonBytes,
  NewFile,
  onFile,
  openSource,
  prepareFolder,
  readBytes,
  streamFile,
  writeWhole,
} from '../files.ts';
import type { Run } from '../run.ts';
import { readVolume } from '../volumes.ts';

/** In the copy: what was done. */
export const MENDED_RECORD = 'validation.json';
/** Written beside a prepared cohort's table: it says what was done to the values, and holds for the copy as well. */
const COHORT_RECORD = 'cohort.json';
/** Files from outside the cohort's folder go here. */
const STRAYS = 'files';
/** Bytes that are copied at a time. */
const PIECE = 2 ** 20;
/** Headers whose voxels lie in another file. */
const DETACHED = /\.(mhd|nhdr)$/i;

export interface MendedFile {
  /** In the copy. */
  readonly file: string;
  readonly from: string;
  /** Sentences. */
  readonly changes: readonly string[];
}

export interface MendedCopy {
  readonly folder: string;
  /** The copy's table; absent where volumes were copied. */
  readonly table?: string;
  /** The copy's volumes, in their order; of a cohort none. */
  readonly volumes: readonly string[];
  readonly record: string;
  readonly mended: readonly MendedFile[];
  /** What was done to the table, as sentences. */
  readonly tableChanges: readonly string[];
  /** Files that are as they were. */
  readonly copied: number;
}

/**
 * Copies a cohort.
 * @throws UsageError when the folder is the cohort's own or not empty. TonnoError when the table has errors that only its
 *   author can mend, or files are missing.
 */
export async function mendCohort(
  table: ReadTable,
  facts: CohortFacts,
  folder: string,
  run: Pick<Run, 'terminal' | 'signal'>,
): Promise<MendedCopy> {
  const home = dirname(resolve(table.name));
  await refuseFolder(folder, home);
  const tableFindings = checkTable(table);
  const names = new Set(table.problems.map(({ kind }) => kind as string));
  const hard = tableFindings.find(
    ({ level, check, fixable }) => level === 'error' && names.has(check) && !fixable,
  );
  if (hard) {
    throw new TonnoError(hard.subject, hard.message, {
      remedy: `${hard.remedy} (--fix copies no table with such errors.)`,
    });
  }
  const files = facts.cases.flatMap(({ images, mask }) => [...images, ...(mask ? [mask] : [])]);
  const targets = new Targets(home);
  const copy = await copyFiles(files, folder, targets, run);
  const target = ({ role, path }: FileFacts) => targets.of(role, path);
  const cases = facts.cases.map(({ row, images, mask }) => ({
    ...(row as CohortCase),
    images: images.map(target),
    mask: mask && target(mask),
  }));
  const tableChanges = tableFindings
    .filter(({ fixable }) => fixable)
    .map(({ check, message }) => TABLE_CHANGES[check] ?? message);
  const path = join(folder, basename(table.name));
  const text = writeCohort({ name: path, classes: table.classes, cases });
  const record = join(folder, MENDED_RECORD);
  const prepared = join(home, COHORT_RECORD);
  await writeWhole({
    ...((await exists(prepared)) && { [join(folder, COHORT_RECORD)]: await readBytes(prepared) }),
    [record]: recordBytes(table.name, { ...copy, tableChanges }),
    [path]: new TextEncoder().encode(text),
  });
  return { folder, table: path, volumes: [], record, tableChanges, ...copy };
}

/** Copies volumes into one folder. @throws as `mendCohort` does. */
export async function mendVolumes(
  files: readonly FileFacts[],
  folder: string,
  run: Pick<Run, 'terminal' | 'signal'>,
): Promise<MendedCopy> {
  for (const { path } of files) await refuseFolder(folder, dirname(resolve(path)));
  const targets = new Targets(undefined);
  const copy = await copyFiles(files, folder, targets, run);
  const volumes = files.map(({ role, path }) => join(folder, targets.of(role, path)));
  const record = join(folder, MENDED_RECORD);
  await writeWhole({
    [record]: recordBytes(
      files.map(({ path }) => path),
      { ...copy, tableChanges: [] },
    ),
  });
  return { folder, volumes, record, tableChanges: [], ...copy };
}

const TABLE_CHANGES: Readonly<Record<string, string>> = {
  'table-oddities': 'Byte order mark and spaces around cells are gone.',
  'table-columns':
    'The column patient is there, with the name of each case: every case is a patient of its own.',
  'patient-missing': 'Cases without a patient have their own name there.',
};

async function refuseFolder(folder: string, home: string): Promise<void> {
  const real = (path: string) => realpath(path).catch(() => resolve(path));
  if ((await real(folder)) === (await real(home))) {
    throw new UsageError(folder, 'The files that are to be mended lie in this folder.', {
      remedy: 'Name a new folder with --fix: nothing is mended in place.',
    });
  }
  if ((await exists(folder)) && (await onFile(folder, () => readdir(folder))).length > 0) {
    throw new UsageError(folder, 'The folder is not empty.', {
      remedy: 'Name a new folder with --fix, or empty this one.',
    });
  }
}

/** Names in the copy. */
class Targets {
  private readonly home: string | undefined;
  private readonly names = new Map<string, string>();
  private readonly taken = new Set<string>();

  /** @param home folder whose files keep their place; where there is none, all go into one folder. */
  constructor(home: string | undefined) {
    this.home = home;
  }

  /** @throws RangeError for a file that was never placed. */
  of(role: string, path: string): string {
    const name = this.names.get(`${role} ${path}`);
    if (name === undefined) throw new RangeError(`${path} is not in the copy.`);
    return name;
  }

  /** @returns undefined where the file has its place already. */
  place({ role, path }: FileFacts, asNifti: boolean): string | undefined {
    const key = `${role} ${path}`;
    if (this.names.has(key)) return undefined;
    const from = this.home === undefined ? '' : relative(this.home, resolve(path)).replaceAll('\\', '/');
    const stray = from === '' || from.startsWith('../') || isAbsolute(from);
    const place = stray ? join(this.home === undefined ? '' : STRAYS, basename(path)) : from;
    const ending = /\.nii(\.gz)?$/i.exec(place)?.[0] ?? extname(place);
    const stem = place.slice(0, place.length - ending.length);
    const end = asNifti && !/^\.nii(\.gz)?$/i.test(ending) ? '.nii.gz' : ending;
    let name = `${stem}${end}`;
    for (let i = 2; this.taken.has(name.toLowerCase()); i++) name = `${stem}_${i}${end}`;
    this.taken.add(name.toLowerCase());
    this.names.set(key, name);
    return name;
  }
}

async function copyFiles(
  files: readonly FileFacts[],
  folder: string,
  targets: Targets,
  { terminal, signal }: Pick<Run, 'terminal' | 'signal'>,
): Promise<Pick<MendedCopy, 'mended' | 'copied'>> {
  const missing = files.find(({ faults }) => faults.some(({ kind }) => kind === 'file-missing'));
  if (missing) {
    throw new TonnoError(missing.path, 'There is no such file, and no copy without it.', {
      remedy: 'Check the path, or take the case out of the table.',
    });
  }
  await prepareFolder(folder);
  const mended: MendedFile[] = [];
  let copied = 0;
  const progress = terminal.progress('copying');
  try {
    for (const [i, file] of files.entries()) {
      signal.throwIfAborted();
      const changes = changesIn(file);
      const name = targets.place(file, changes.voxels);
      if (name !== undefined) {
        const path = join(folder, name);
        await prepareFolder(dirname(path));
        if (changes.voxels) await writeVoxels(file, path, changes, signal);
        else if (changes.qform) await writeHeader(file.path, path);
        else await copyFile(file.path, path);
        if (changes.sentences.length > 0) {
          mended.push({ file: name, from: file.path, changes: changes.sentences });
        } else copied++;
      }
      progress.update(i + 1, files.length, 'files', { count: i + 1, units: 'files' });
    }
  } finally {
    progress.end();
  }
  return { mended, copied };
}

interface Changes {
  /** Whether voxels change, so that the file is written anew. */
  readonly voxels: boolean;
  readonly binarise: boolean;
  readonly qform: boolean;
  readonly sentences: readonly string[];
}

function changesIn(file: FileFacts): Changes {
  const checks = new Set(fixableIn(file).map(({ check }) => check));
  const [zero, binarise, qform] = ['not-finite', 'mask-not-binary', 'forms-disagree'].map((name) =>
    checks.has(name),
  );
  const detached = DETACHED.test(file.path);
  const nifti = file.volume?.geometry.nifti;
  const sheared = qform && nifti && qformFromSform(nifti).qformCode === 0;
  return {
    voxels: zero || binarise || (detached && file.volume !== undefined),
    binarise,
    qform,
    sentences: [
      ...(zero ? [zeroed(file.volume!.notFinite)] : []),
      ...(binarise ? ['All that was not 0 is 1.'] : []),
      ...(qform
        ? [
            sheared
              ? 'Its qform is taken back: its sform is sheared, which no qform can say.'
              : 'Its qform says what its sform says.',
          ]
        : []),
      ...(detached ? ['It is written as NIfTI, header and voxels in one file.'] : []),
    ],
  };
}

const zeroed = (count: number) =>
  count === 1 ? 'A voxel that was not finite is 0.' : `${count} voxels that were not finite are 0.`;

async function writeVoxels(
  { path, role }: FileFacts,
  target: string,
  { binarise, qform }: Changes,
  signal: AbortSignal,
): Promise<void> {
  const { volume } = await readVolume(path, { nan: 'zero', int64: 'convert', signal });
  const data = binarise ? volume.data.map((value) => (value === 0 ? 0 : 1)) : volume.data;
  const { affine, nifti } = volume.geometry;
  const geometry = { affine, ...(nifti && { nifti: qform ? qformFromSform(nifti) : nifti }) };
  const written: Volume = { ...volume, data, geometry };
  const mask = role === 'mask' && data.every((value) => value === 0 || value === 1);
  const bytes = await encodeNifti(written, {
    datatype: mask ? 'uint8' : 'float32',
    description: await descriptionOf(path),
    gzip: /\.gz$/i.test(target),
    signal,
  });
  await writeWhole({ [target]: bytes });
}

/** Of a NIfTI file. */
async function descriptionOf(path: string): Promise<string | undefined> {
  try {
    return (await readNiftiHeader(await openSource(path), path)).description;
  } catch {
    return undefined;
  }
}

/** The file with another qform in its header, packed as it was. */
async function writeHeader(path: string, target: string): Promise<void> {
  const info = await readNiftiHeader(await openSource(path), path);
  const patched = async function* () {
    const reader = await ByteReader.open(streamFile(path), path);
    try {
      // Larger than any header, so that the first piece holds all of it.
      for (let first = true; ; first = false) {
        const piece = new Uint8Array(PIECE);
        const length = await reader.readInto(piece);
        if (first) patchQform(piece, info, qformFromSform(info.geometry.nifti));
        yield piece.subarray(0, length);
        if (length < PIECE) return;
      }
    } finally {
      await reader.close();
    }
  };
  if (!info.compressed) return writeStream(target, patched());
  const packed = createGzip();
  const plain = Readable.from(patched(), { objectMode: false });
  plain.on('error', (error) => packed.destroy(error)).pipe(packed);
  return writeStream(target, packed);
}

/** A file, or a folder of DICOM files. */
async function copyFile(path: string, target: string): Promise<void> {
  const entry = await onFile(path, () => stat(path));
  if (entry.isDirectory()) return onFile(target, () => cp(path, target, { recursive: true }));
  return writeStream(target, streamFile(path));
}

async function writeStream(target: string, pieces: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await NewFile.create(target);
  try {
    for await (const piece of pieces) await file.write(piece);
    await file.commit();
  } catch (error) {
    await file.discard();
    throw error;
  }
}

function recordBytes(
  source: string | readonly string[],
  { mended, tableChanges, copied }: Pick<MendedCopy, 'mended' | 'tableChanges' | 'copied'>,
): Uint8Array {
  return jsonBytes({
    software: { name: 'tonno', version: VERSION },
    source,
    table: tableChanges,
    mended,
    copied,
  });
}
