/**
 * The edge to the disk: volumes and models in, results out. A result is written under a temporary name in its own
 * folder and renamed when it is whole, so that a file under its final name is never half of one.
 */
import { constants, createReadStream, existsSync, rmSync } from 'node:fs';
import { access, type FileHandle, mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { TonnoError, UsageError } from '../errors.ts';
import type { ByteSource } from '../formats/bytes.ts';
import { volumeStem } from '../formats/volume-file.ts';

/** What the operating system says, as sentences. */
const REASONS: Readonly<Record<string, readonly [problem: string, remedy: string]>> = {
  ENOENT: ['There is no such file or folder.', 'Check the path.'],
  EACCES: ['The permission is missing.', 'Change its permissions or choose another place.'],
  EPERM: ['The operation is not permitted.', 'Change its permissions or choose another place.'],
  EROFS: ['The file system is read-only.', 'Choose another place.'],
  EISDIR: ['It is a folder, not a file.', 'Name a file.'],
  ENOTDIR: ['A part of its path is a file, not a folder.', 'Check the path.'],
  EEXIST: ['A file of that name is in the way.', 'Choose another place.'],
  ENOSPC: ['The disk is full.', 'Make room or choose another place with --out.'],
  EDQUOT: ['The disk quota is used up.', 'Make room or choose another place with --out.'],
  EFBIG: ['The file would be larger than is allowed here.', 'Choose another place with --out.'],
};

/** An error of the file system as a sentence about `path`; anything else is returned as it is. */
export function fileError(path: string, cause: unknown): unknown {
  const code = (cause as NodeJS.ErrnoException)?.code;
  if (cause instanceof TonnoError || typeof code !== 'string' || !(cause instanceof Error)) return cause;
  if (!('syscall' in cause)) return cause;
  const [problem, remedy] = REASONS[code] ?? [`The file system refused it (${code}).`, ''];
  return new TonnoError(path, problem, { remedy, cause });
}

/** Runs a piece of file work; what the file system throws becomes a sentence about `path`. */
export async function onFile<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw fileError(path, error);
  }
}

export function readBytes(path: string): Promise<Uint8Array> {
  return onFile(path, () => readFile(path));
}

export async function exists(path: string): Promise<boolean> {
  return onFile(path, async () => {
    try {
      await stat(path);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      throw error;
    }
  });
}

/**
 * The JSON in a file.
 * @param problem what to say when it is none, with what to do.
 */
export async function readRecord(
  path: string,
  problem: string,
  { remedy }: { readonly remedy: string },
): Promise<unknown> {
  try {
    return parseJson(await readBytes(path));
  } catch (cause) {
    throw cause instanceof SyntaxError ? new TonnoError(path, problem, { remedy, cause }) : cause;
  }
}

/** The bytes of a file as they are asked for. */
export async function* streamFile(path: string): AsyncGenerator<Uint8Array> {
  try {
    yield* createReadStream(path, { highWaterMark: 2 ** 18 }) as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw fileError(path, error);
  }
}

/** A file's bytes, or the sentence that says why there are none. */
export async function openSource(path: string): Promise<ByteSource> {
  const entry = await onFile(path, () => stat(path));
  if (entry.isDirectory()) throw new TonnoError(path, ...asFolder);
  return streamFile(path);
}

const asFolder = ['It is a folder, not a file.', { remedy: 'Name the volumes in it.' }] as const;

/** Makes the folder of results and finds out now, not after an hour of work, whether it can be written to. */
export async function prepareFolder(folder: string): Promise<void> {
  await onFile(folder, async () => {
    await makeFolder(resolve(folder));
    await access(folder, constants.W_OK | constants.X_OK);
    const probe = join(folder, temporaryName('probe'));
    await (await open(probe, 'wx')).close();
    await rm(probe);
  });
}

/** (`recursive` of Node's mkdir would try forever where a folder exists and takes no others, as /proc does.) */
async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(folder)).isDirectory()) return;
    if (code !== 'ENOENT') throw error;
    await makeFolder(dirname(folder));
    await mkdir(folder);
  }
}

/** Temporary files that exist now, for those who must leave in a hurry. */
const unfinished = new Set<string>();

/** Removes what an interrupted run left unfinished; for use when there is no time for anything else. */
export function removeUnfinished(): void {
  for (const path of unfinished) rmSync(path, { force: true });
}

/**
 * A file that appears under its name when it is whole. Either `commit` or `discard` must be called.
 */
export class NewFile {
  readonly path: string;
  private readonly temporary: string;
  private readonly handle: FileHandle;

  private constructor(path: string, temporary: string, handle: FileHandle) {
    this.path = path;
    this.temporary = temporary;
    this.handle = handle;
  }

  static create(path: string): Promise<NewFile> {
    const temporary = join(dirname(resolve(path)), temporaryName(basename(path)));
    return onFile(path, async () => {
      const handle = await open(temporary, 'wx');
      unfinished.add(temporary);
      return new NewFile(path, temporary, handle);
    });
  }

  /** Appends, or writes at a position in bytes. */
  write(bytes: Uint8Array, position?: number): Promise<void> {
    return onFile(this.path, async () => {
      // A single write may take less than it is given.
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await this.handle.write(
          bytes,
          at,
          bytes.length - at,
          position === undefined ? null : position + at,
        );
        at += bytesWritten;
      }
    });
  }

  /** Makes the file visible under its name, its bytes safely on the disk. */
  commit(): Promise<void> {
    return onFile(this.path, async () => {
      await this.handle.sync();
      await this.handle.close();
      await rename(this.temporary, this.path);
      unfinished.delete(this.temporary);
    });
  }

  /** Leaves nothing behind. Harmless after `commit`. */
  async discard(): Promise<void> {
    await this.handle.close().catch(() => {});
    await rm(this.temporary, { force: true });
    unfinished.delete(this.temporary);
  }
}

/** Writes whole files or nothing: all are on the disk before the first appears under its name. */
export async function writeWhole(contents: Readonly<Record<string, Uint8Array>>): Promise<void> {
  const files: NewFile[] = [];
  try {
    for (const [path, bytes] of Object.entries(contents)) {
      const file = await NewFile.create(path);
      files.push(file);
      await file.write(bytes);
    }
    for (const file of files) await file.commit();
  } catch (error) {
    for (const file of files) await file.discard();
    throw error;
  }
}

/**
 * JSON for people to read. JSON has no −0, NaN or infinity, but a header's fields may hold them and must come back
 * as they were: they are written as {"number": "-0"}.
 */
export function jsonBytes(value: unknown): Uint8Array {
  const exact = (_key: string, item: unknown) =>
    typeof item === 'number' && (Object.is(item, -0) || !Number.isFinite(item))
      ? { number: Object.is(item, -0) ? '-0' : String(item) }
      : item;
  return new TextEncoder().encode(`${JSON.stringify(value, exact, 2)}\n`);
}

/** What `jsonBytes` wrote. @throws SyntaxError when it is not JSON. */
export function parseJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes), (_key, item) =>
    typeof item?.number === 'string' && Object.keys(item).length === 1 ? Number(item.number) : item,
  );
}

function temporaryName(name: string): string {
  return `.${name}.${process.pid}.tmp`;
}

/**
 * A name for the results of each input: its file's name without .nii.gz, .nrrd and the like, or its folder's, with as many of
 * the folders before it as it takes to tell the inputs apart. Cohorts like to call every file the same. Of the files of
 * several channels the first one counts.
 * @throws UsageError when nothing tells two inputs apart: one result would overwrite the other.
 */
export function resultNames(paths: readonly string[]): string[] {
  const parts = paths.map((path) => {
    const own = path.includes(';') && !existsSync(path) ? path.split(';')[0].trim() : path;
    const folders = resolve(own).split(/[\\/]/).filter(Boolean);
    const file = folders.pop() ?? 'volume';
    return [...folders, volumeStem(file)];
  });
  const name = (own: string[], depth: number) => own.slice(-depth).join('_');
  const names = parts.map((own) => {
    let depth = 1;
    while (
      depth < own.length &&
      parts.some((other) => other !== own && name(other, depth) === name(own, depth))
    ) {
      depth++;
    }
    return name(own, depth);
  });
  for (const [i, own] of names.entries()) {
    const first = names.indexOf(own);
    if (first === i) continue;
    throw new UsageError(paths[i], `Its results would have the same names as those of ${paths[first]}.`, {
      remedy: 'Give the two in separate calls, with an --out of their own.',
    });
  }
  return names;
}
