/** Files on the disk as the checks see them: what is in them, or why nothing can be had from them. */
import { dirname, isAbsolute, join } from 'node:path';
import { type FileFacts, type FileFault, measureVolume, type Role } from '../../datasets/checks/facts.ts';
import { TonnoError } from '../../errors.ts';
import { placementProblem } from '../../formats/nifti/placement.ts';
import { type NiftiProblem, niftiProblems, readNiftiHeader } from '../../formats/nifti.ts';
import { openSource } from '../files.ts';
import { readVolume, type VolumeOptions } from '../volumes.ts';

/** A file that a table names, from where the command runs and in the words of whoever named the table. */
export function besideTable(table: string, path: string): string {
  return isAbsolute(path) ? path : join(dirname(table), path);
}

/**
 * Looks at a file; of a faulty one the faults are told, not thrown.
 * @param options as those who read it next will have them.
 */
export async function readFileFacts(
  path: string,
  role: Role,
  { nan, int64, signal }: VolumeOptions,
): Promise<FileFacts> {
  try {
    // Of masks only whether a voxel is 0 counts, which no type is too large for.
    const options = { nan: 'zero', int64: role === 'mask' ? 'convert' : int64, signal } as const;
    const { volume, notFinite } = await readVolume(path, options);
    return { path, role, zeroed: nan === 'zero', volume: measureVolume(volume, notFinite), faults: [] };
  } catch (error) {
    signal?.throwIfAborted();
    if (!(error instanceof TonnoError)) throw error;
    return { path, role, faults: await faultsOf(path, error, role === 'mask' ? 'convert' : int64) };
  }
}

/** All that a NIfTI header shows to be wrong rather than the first, and whether it is its place in the world. */
async function faultsOf(
  path: string,
  error: TonnoError,
  int64: VolumeOptions['int64'],
): Promise<FileFault[]> {
  const { problem, remedy, cause } = error;
  if ((cause as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') {
    return [{ kind: 'file-missing', message: problem, remedy }];
  }
  let problems: NiftiProblem[] = [];
  let misplaced: string | undefined;
  try {
    const info = await readNiftiHeader(await openSource(path), path);
    problems = niftiProblems(info, { int64 });
    misplaced = placementProblem(info.geometry.nifti);
  } catch {
    // It is no NIfTI file, or its header cannot be read: the error says so.
  }
  if (problems.length === 0) return [{ kind: 'file-unreadable', message: problem, remedy }];
  return problems.map((one) => ({
    kind: one.problem === misplaced ? 'singular-affine' : 'file-unreadable',
    message: one.problem,
    remedy: one.remedy,
  }));
}
