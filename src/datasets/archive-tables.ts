/** Tables that lie somewhere in an archive: by the name that the user gives, or by the name that they are downloaded with. */
import { TonnoError } from '../errors.ts';
import type { SourceFolder } from './adapter.ts';
import { pathIn } from './archive.ts';

/** The bytes of a table and what errors call it. */
export interface TableFile {
  readonly bytes: Uint8Array;
  readonly name: string;
}

/**
 * Reads the table at a path that the user gave.
 * @param option for the error, such as `--labels`.
 */
export async function readTable(folder: SourceFolder, path: string, option: string): Promise<TableFile> {
  const name = pathIn(folder.name, path);
  try {
    return { bytes: await folder.readBytes(path), name };
  } catch (cause) {
    throw new TonnoError(name, `The table of ${option} cannot be read. ${(cause as Error).message}`, {
      remedy: `Give its path from ${folder.name}.`,
      cause,
    });
  }
}

/**
 * The one table among files whose name fits.
 * @param files paths.
 * @throws TonnoError when there are several; of the same table in several formats .csv comes first, which is read fastest.
 */
export function tableNamed(
  files: readonly string[],
  pattern: RegExp,
  folder: string,
  option: string,
): string | undefined {
  const fitting = files.filter((file) => pattern.test(file.split('/').at(-1)!));
  const formats = ['csv', 'tsv', 'xlsx'];
  const stem = (file: string) => file.slice(0, file.lastIndexOf('.'));
  if (new Set(fitting.map(stem)).size > 1) {
    throw new TonnoError(folder, `There are several tables of the same name: ${fitting.join(', ')}.`, {
      remedy: `Choose with ${option}.`,
    });
  }
  const rank = (file: string) => formats.indexOf(file.slice(file.lastIndexOf('.') + 1).toLowerCase());
  return fitting.toSorted((a, b) => rank(a) - rank(b))[0];
}
