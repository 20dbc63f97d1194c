/** What lies in the folders of a BIDS data set: the files of each visit, and what the tables say about it. */
import { TonnoError } from '../../errors.ts';
import { decodeTable, hasColumn, namedRows } from '../../formats/spreadsheet.ts';
import type { SourceFolder } from '../adapter.ts';
import { pathIn } from '../archive.ts';
import { type BidsFile, parseBidsName } from './names.ts';

/** All of a participant's files of one session, or of the only one. */
export interface Visit {
  /** "sub-01" or "sub-01_ses-1" */
  readonly name: string;
  readonly participant: string;
  readonly session?: string;
  readonly files: readonly BidsFile[];
}

export const PARTICIPANTS = 'participants.tsv';

/** Visits that have volumes, below a folder of the data set: its own, or a derivative's. */
export async function findVisits(folder: SourceFolder, root: string): Promise<Visit[]> {
  const visits: Visit[] = [];
  for (const participant of (await folder.list(root)).folders.filter((name) => /^sub-./.test(name))) {
    const own = pathIn(root, participant);
    const { folders } = await folder.list(own);
    const sessions = folders.filter((name) => /^ses-./.test(name));
    for (const session of sessions.length > 0 ? sessions : [undefined]) {
      const files = await volumesIn(folder, session === undefined ? own : pathIn(own, session));
      const name = session === undefined ? participant : `${participant}_${session}`;
      if (files.length > 0) visits.push({ name, participant, session, files });
    }
  }
  return visits;
}

async function volumesIn(folder: SourceFolder, path: string): Promise<BidsFile[]> {
  const files: BidsFile[] = [];
  for (const datatype of (await folder.list(path)).folders) {
    const place = pathIn(path, datatype);
    for (const file of (await folder.list(place)).files) {
      const parsed = parseBidsName(file, pathIn(place, file));
      if (parsed) files.push(parsed);
    }
  }
  return files;
}

/**
 * Files of masks by the names of visits.
 * @param derivative its name, its path, or "." for the data set itself.
 */
export async function findMasks(
  folder: SourceFolder,
  derivative: string,
): Promise<ReadonlyMap<string, readonly BidsFile[]>> {
  const plain = derivative.replace(/\/+$/, '');
  const root = plain === '.' ? '' : plain.startsWith('derivatives/') ? plain : pathIn('derivatives', plain);
  let visits: Visit[];
  try {
    visits = await findVisits(folder, root);
  } catch (cause) {
    const { folders } = await folder.list('derivatives').catch(() => ({ folders: [] as readonly string[] }));
    throw new TonnoError(pathIn(folder.name, root), 'There is no such derivative.', {
      remedy: folders.length > 0 ? `There are ${folders.join(', ')}.` : 'The data set has no derivatives.',
      cause,
    });
  }
  return new Map(visits.map(({ name, files }) => [name, files]));
}

/** What the tables have in a column. */
export interface ColumnValues {
  /** By the names of visits; where it is missing, there is none. */
  readonly byVisit: ReadonlyMap<string, string>;
  /** All that the table of participants has. */
  readonly participants: readonly string[];
}

/**
 * A column's values: from a participant's table of sessions where that has the column, else from the table of participants.
 * @throws TonnoError when there is no such column anywhere.
 */
export async function readColumn(
  folder: SourceFolder,
  visits: readonly Visit[],
  column: string,
): Promise<ColumnValues> {
  const byVisit = new Map<string, string>();
  const set = (visit: string, value: string) => {
    // What BIDS writes where a value is missing.
    if (value !== '' && value !== 'n/a') byVisit.set(visit, value);
  };
  const sessions = await readSessions(folder, visits, column);
  const path = (await folder.list('')).files.find((file) => file === PARTICIPANTS);
  if (path === undefined && sessions.size === 0) {
    throw new TonnoError(
      pathIn(folder.name, PARTICIPANTS),
      'There is no such file, so there are no labels.',
      {
        remedy: 'Add it, with the columns participant_id and the label’s, or use masks: --masks.',
      },
    );
  }
  const participants = new Map<string, string>();
  if (path !== undefined) {
    const name = pathIn(folder.name, path);
    const table = await decodeTable(await folder.readBytes(path), name);
    const needed =
      sessions.size === 0 || hasColumn(table, column) ? ['participant_id', column] : ['participant_id'];
    for (const { line, get } of namedRows(table, needed)) {
      const participant = prefixed('sub-', get('participant_id'));
      if (participants.has(participant)) {
        throw new TonnoError(`${name}, line ${line}`, `${participant} is there twice.`, {
          remedy: 'Keep one line for each participant.',
        });
      }
      participants.set(participant, needed.length > 1 ? get(column) : '');
    }
  }
  for (const { name, participant } of visits) {
    set(name, sessions.get(name) ?? participants.get(participant) ?? '');
  }
  return { byVisit, participants: [...participants.keys()] };
}

/** Values of sub-XX_sessions.tsv, of those participants whose table has the column. */
async function readSessions(
  folder: SourceFolder,
  visits: readonly Visit[],
  column: string,
): Promise<Map<string, string>> {
  const values = new Map<string, string>();
  const withSessions = visits.filter(({ session }) => session !== undefined);
  for (const participant of new Set(withSessions.map((visit) => visit.participant))) {
    const file = `${participant}_sessions.tsv`;
    if (!(await folder.list(participant)).files.includes(file)) continue;
    const path = pathIn(participant, file);
    const table = await decodeTable(await folder.readBytes(path), pathIn(folder.name, path));
    if (!hasColumn(table, column)) continue;
    for (const { get } of namedRows(table, ['session_id', column])) {
      values.set(`${participant}_${prefixed('ses-', get('session_id'))}`, get(column));
    }
  }
  return values;
}

function prefixed(prefix: string, name: string): string {
  return name.startsWith(prefix) ? name : prefix + name;
}
