/**
 * The last heatmap that was made here, kept by the browser over the end of the page: a tab is closed sooner than a heatmap
 * of an hour is saved. One heatmap, of a bounded size, on this machine only, and forgotten by one click. Its values are
 * stored in pieces, so that no copy of all of them is made at once.
 */
import type { Shape } from '../../volume/volume.ts';
import type { ReconstructionSettings, ThresholdChoice } from '../protocol.ts';

/** Everything but the values. */
export interface KeptAbout {
  readonly caseName: string;
  readonly shape: Shape;
  readonly affine: readonly number[];
  /** Of the case's voxels (`volumeHash`). */
  readonly hash: string;
  readonly title: string;
  readonly record: Readonly<Record<string, unknown>>;
  readonly settings: ReconstructionSettings;
  readonly done: number;
  readonly total: number;
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly thresholds?: ThresholdChoice;
}

export interface Keeper {
  /** What is there of an earlier visit. */
  about(): Promise<KeptAbout | undefined>;
  /** Its values. */
  values(): Promise<Float32Array | undefined>;
  /** In the place of what was kept. */
  save(about: KeptAbout, values: Float32Array): Promise<void>;
  /** Other thresholds of what is kept. */
  amend(thresholds: ThresholdChoice): Promise<void>;
  forget(): Promise<void>;
}

/** Bytes of a heatmap that is kept; 256³ and somewhat more. */
export const LARGEST = 200e6;
/** Values that are copied before the page gets its turn again. */
const PIECE = 1 << 20;

const STORE = 'heatmaps';
const ABOUT = 'about';
const VALUES = 'values';

const idle = () => new Promise<void>((resolve) => setTimeout(resolve));

async function blobOf(values: Float32Array): Promise<Blob> {
  const pieces: Blob[] = [];
  for (let from = 0; from < values.length; from += PIECE) {
    // A blob takes no shared memory: each piece is a copy.
    pieces.push(new Blob([Float32Array.from(values.subarray(from, from + PIECE))]));
    await idle();
  }
  return new Blob(pieces);
}

function answer<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Keeps in IndexedDB. Every call rejects where the browser has none or lets nothing be stored. */
export class BrowserKeeper implements Keeper {
  #database: Promise<IDBDatabase> | undefined;

  async about(): Promise<KeptAbout | undefined> {
    return this.#read<KeptAbout>(ABOUT);
  }

  async values(): Promise<Float32Array | undefined> {
    const blob = await this.#read<Blob>(VALUES);
    return blob && new Float32Array(await blob.arrayBuffer());
  }

  async save(about: KeptAbout, values: Float32Array): Promise<void> {
    const blob = await blobOf(values);
    await this.#write((store) => {
      store.put(about, ABOUT);
      store.put(blob, VALUES);
    });
  }

  async amend(thresholds: ThresholdChoice): Promise<void> {
    // In one transaction, so that no other heatmap comes between.
    await this.#write((store) => {
      const request: IDBRequest<KeptAbout | undefined> = store.get(ABOUT);
      request.onsuccess = () => {
        if (request.result) store.put({ ...request.result, thresholds }, ABOUT);
      };
    });
  }

  async forget(): Promise<void> {
    await this.#write((store) => store.clear());
  }

  async #read<T>(key: string): Promise<T | undefined> {
    const store = (await this.#open()).transaction(STORE).objectStore(STORE);
    return answer(store.get(key));
  }

  async #write(work: (store: IDBObjectStore) => unknown): Promise<void> {
    const transaction = (await this.#open()).transaction(STORE, 'readwrite');
    work(transaction.objectStore(STORE));
    await new Promise<void>((resolve, reject) => {
      transaction.oncomplete = () => resolve();
      transaction.onabort = () => reject(transaction.error);
      transaction.onerror = () => reject(transaction.error);
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#database ??= (async () => {
      const request = indexedDB.open('tonno', 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      return answer(request);
    })();
    return this.#database;
  }
}
