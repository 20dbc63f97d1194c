/**
 * Files on their way in: chosen, dropped or fetched. A folder becomes its files with their paths in it. An .onnx file is
 * an encoder wherever it was dropped; everything else is the volume.
 */
import { TonnoError } from '../../errors.ts';
import type { Source } from '../protocol.ts';

/** Files that systems leave in folders, and nobody means. */
const hidden = (name: string) => name.startsWith('.') || name === 'Thumbs.db' || name === 'desktop.ini';

export function sourcesOf(files: Iterable<File>): Source[] {
  return [...files]
    .filter(({ name }) => !hidden(name))
    .map((file) => ({ name: file.webkitRelativePath || file.name, file }));
}

export interface Dropped {
  readonly volume: readonly Source[];
  /** The first .onnx among them. */
  readonly encoder?: Source;
}

export function sorted(sources: readonly Source[]): Dropped {
  const isEncoder = ({ name }: Source) => name.toLowerCase().endsWith('.onnx');
  const encoder = sources.find(isEncoder);
  return { volume: sources.filter((source) => !isEncoder(source)), ...(encoder && { encoder }) };
}

/** What was dropped, folders read to their end. It must be called while the event is handled. */
export async function droppedSources(transfer: DataTransfer): Promise<Source[]> {
  const items = [...transfer.items].filter(({ kind }) => kind === 'file');
  const entries = items.map((item) => item.webkitGetAsEntry());
  if (entries.some((entry) => entry === null)) return sourcesOf(transfer.files);
  const found: Source[] = [];
  for (const entry of entries) if (entry) await walk(entry, '', found);
  return found;
}

async function walk(entry: FileSystemEntry, path: string, found: Source[]): Promise<void> {
  if (hidden(entry.name)) return;
  const name = path + entry.name;
  if (entry.isFile) {
    const file = await new Promise<File>((resolve, reject) =>
      (entry as FileSystemFileEntry).file(resolve, reject),
    );
    found.push({ name, file });
    return;
  }
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  for (;;) {
    // A folder is given in parts, and ends with an empty one.
    const part = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (part.length === 0) return;
    for (const inner of part) await walk(inner, `${name}/`, found);
  }
}

export type Fetch = (address: string) => Promise<Response>;

/** Bytes so far, and all of them where the server says. */
export type Fetching = (bytes: number, total: number | undefined) => void;

/**
 * A file of the server that the page came from.
 * @throws TonnoError when it is not there, or the server is not.
 */
export async function fetchSource(
  fetch: Fetch,
  address: string,
  name: string,
  told?: Fetching,
): Promise<Source> {
  const gone = (problem: string, cause?: unknown) =>
    new TonnoError(name, problem, {
      remedy: 'Check that the server still runs and the file is still there, then try again.',
      cause,
    });
  try {
    const response = await fetch(address);
    if (!response.ok) throw gone(`The server answered ${response.status}.`);
    if (!response.body || !told) return { name, file: await response.blob() };
    const length = Number(response.headers.get('content-length')) || undefined;
    let bytes = 0;
    const counted = new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        bytes += chunk.length;
        told(bytes, length);
        controller.enqueue(chunk);
      },
    });
    return { name, file: await new Response(response.body.pipeThrough(counted)).blob() };
  } catch (cause) {
    if (cause instanceof TonnoError) throw cause;
    throw gone('It could not be fetched.', cause);
  }
}

/** How many files of a folder are fetched at once. */
const AT_ONCE = 6;

/** Several files, told of together: a share from 0 to 1 of all of them. */
export async function fetchSources(
  fetch: Fetch,
  files: readonly { readonly address: string; readonly name: string }[],
  told: (share: number) => void,
): Promise<Source[]> {
  const shares = files.map(() => 0);
  const sources: Source[] = [];
  let next = 0;
  const one = async () => {
    while (next < files.length) {
      const i = next++;
      const { address, name } = files[i];
      sources[i] = await fetchSource(fetch, address, name, (bytes, total) => {
        if (total) shares[i] = Math.min(1, bytes / total);
        told(shares.reduce((sum, share) => sum + share, 0) / files.length);
      });
      shares[i] = 1;
      told(shares.reduce((sum, share) => sum + share, 0) / files.length);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, files.length) }, one));
  return sources;
}
