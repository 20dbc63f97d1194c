/** Looks at every file of a cohort, one after the other, so that one volume is in memory at a time. */
import type { ReadCase, ReadTable } from '../cohort-table.ts';
import type { CohortFacts, FileFacts, Role } from './facts.ts';

export interface GatherOptions {
  /** Whose masks are wanted; all unless given. */
  readonly masks?: (row: ReadCase) => boolean;
  readonly signal?: AbortSignal;
  /** Is called after each file. */
  readonly onFile?: (done: number, total: number) => void;
}

/**
 * The facts of a cohort.
 * @param open looks at a file, by the name that the table has for it; what it throws passes through.
 */
export async function gatherCohort(
  { name, classes, cases }: Pick<ReadTable, 'name' | 'classes' | 'cases'>,
  open: (path: string, role: Role) => Promise<FileFacts>,
  { masks = () => true, signal, onFile }: GatherOptions = {},
): Promise<CohortFacts> {
  const wanted = cases.map((row) => ({ row, mask: masks(row) ? row.mask : undefined }));
  const key = (path: string, role: Role) => `${role} ${path}`;
  const total = new Set(
    wanted.flatMap(({ row, mask }) => [
      ...row.images.map((path) => key(path, 'image')),
      ...(mask === undefined ? [] : [key(mask, 'mask')]),
    ]),
  ).size;
  const known = new Map<string, FileFacts>();
  const look = async (path: string, role: Role): Promise<FileFacts> => {
    const before = known.get(key(path, role));
    if (before) return before;
    signal?.throwIfAborted();
    const facts = await open(path, role);
    known.set(key(path, role), facts);
    onFile?.(known.size, total);
    return facts;
  };
  const gathered: CohortFacts['cases'][number][] = [];
  for (const { row, mask } of wanted) {
    const images: FileFacts[] = [];
    for (const path of row.images) images.push(await look(path, 'image'));
    gathered.push({ row, images, ...(mask !== undefined && { mask: await look(mask, 'mask') }) });
  }
  return { name, classes, cases: gathered };
}
