/**
 * Bytes come in from outside, whole or in pieces, and are pulled only as far as someone reads. Whether they are
 * gzip is seen from their first two bytes, never from a name; unpacking goes in small pieces and keeps nothing, so
 * a file that unpacks to more than its reader asks for costs no memory. Whoever opens a reader closes it, and
 * closing stops the source wherever it stands.
 */

import { type TonnoError, VolumeError } from '../errors.ts';

/** A file's bytes: all of them, or a stream of pieces (a web stream, a Node stream, any async iterable). */
export type ByteSource = Uint8Array | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** Pieces of a file in order; `null` after the last. */
interface Chunks {
  next(): Promise<Uint8Array | null>;
  close(): Promise<unknown>;
}

/** Bounds what one piece can unpack to: deflate grows at most about a thousandfold, so to 16 MiB. */
const GUNZIP_PIECE = 1 << 14;
/** Turns of the microtask queue; a ready read takes three through the promises above it. */
const READY_TURNS = 5;
const GZIP_PIECE = 1 << 20;
const LINE_FEED = 0x0a;
const EMPTY = new Uint8Array(0);

/** Reads a source from its start, unpacking it if it is gzip. */
export class ByteReader {
  /** Whether the source is gzip. */
  readonly compressed: boolean;
  readonly #chunks: Chunks;
  readonly #signal: AbortSignal | undefined;
  #pending: Uint8Array;

  private constructor(chunks: Chunks, first: Uint8Array, compressed: boolean, signal?: AbortSignal) {
    this.#chunks = chunks;
    this.#pending = first;
    this.compressed = compressed;
    this.#signal = signal;
  }

  /**
   * Pulls as much as it takes to see whether the source is gzip.
   * @param name what errors call the source: a path, a file's name.
   * @param packing what to unpack: gzip where it is that, nothing, or zlib's own wrapping (RFC 1950) where it is not gzip.
   */
  static async open(
    source: ByteSource,
    name: string,
    signal?: AbortSignal,
    packing: 'gzip' | 'none' | 'zlib' = 'gzip',
  ): Promise<ByteReader> {
    const chunks = chunksOf(source);
    try {
      let head = EMPTY as Uint8Array;
      while (head.length < 2) {
        signal?.throwIfAborted();
        const chunk = await chunks.next();
        if (chunk === null) break;
        head = head.length === 0 ? chunk : concatenate([head, chunk]);
      }
      const isGzip = head[0] === 0x1f && head[1] === 0x8b;
      const compressed = (isGzip && packing !== 'none') || (packing === 'zlib' && head.length > 0);
      return compressed
        ? new ByteReader(unpacked(head, chunks, name, isGzip ? 'gzip' : 'deflate'), EMPTY, true, signal)
        : new ByteReader(chunks, head, false, signal);
    } catch (error) {
      await chunks.close().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Fills `target`, or as much of it as there are bytes left.
   * @returns the number of bytes written.
   * @throws VolumeError when the source is gzip and cut off or damaged.
   */
  async readInto(target: Uint8Array): Promise<number> {
    let done = 0;
    while (done < target.length && (await this.#pull())) {
      const part = this.#take(target.length - done);
      target.set(part, done);
      done += part.length;
    }
    return done;
  }

  /**
   * Passes over `count` bytes, or as many as there are left.
   * @returns the number of bytes passed over.
   * @throws VolumeError when the source is gzip and cut off or damaged.
   */
  async skip(count: number): Promise<number> {
    let done = 0;
    while (done < count && (await this.#pull())) done += this.#take(count - done).length;
    return done;
  }

  /** The next `count` bytes, or as many as there are left, which stay to be read. */
  async peek(count: number): Promise<Uint8Array> {
    while (this.#pending.length < count) {
      this.#signal?.throwIfAborted();
      const chunk = await this.#chunks.next();
      if (chunk === null) break;
      this.#pending = this.#pending.length === 0 ? chunk : concatenate([this.#pending, chunk]);
    }
    return this.#pending.subarray(0, count);
  }

  /**
   * The bytes up to the next line feed, which is passed over, as Latin-1 without a carriage return at the end.
   * @returns undefined when there is nothing left, or no line feed within `limit` bytes.
   */
  async readLine(limit: number): Promise<string | undefined> {
    const parts: Uint8Array[] = [];
    let length = 0;
    while (await this.#pull()) {
      const end = this.#pending.indexOf(LINE_FEED);
      const part = this.#take(end < 0 ? this.#pending.length : end);
      parts.push(part);
      length += part.length;
      if (length > limit) return undefined;
      if (end < 0) continue;
      this.#take(1);
      return latin1(concatenate(parts)).replace(/\r$/, '');
    }
    return length === 0 ? undefined : latin1(concatenate(parts)).replace(/\r$/, '');
  }

  /** All that is left, piece by piece. */
  async *rest(): AsyncGenerator<Uint8Array> {
    while (await this.#pull()) yield this.#take(this.#pending.length);
  }

  /** Stops the source. It never throws: a failure to close says nothing about the bytes already read. */
  async close(): Promise<void> {
    this.#pending = EMPTY;
    await this.#chunks.close().catch(() => undefined);
  }

  async #pull(): Promise<boolean> {
    while (this.#pending.length === 0) {
      this.#signal?.throwIfAborted();
      const chunk = await this.#chunks.next();
      if (chunk === null) return false;
      this.#pending = chunk;
    }
    return true;
  }

  #take(limit: number): Uint8Array {
    const part = this.#pending.subarray(0, limit);
    this.#pending = this.#pending.subarray(part.length);
    return part;
  }
}

/** The last `count` bytes of what a reader has left, or all where there are fewer. No more than them is kept. */
export async function lastBytes(reader: ByteReader, count: number): Promise<ByteSource> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of reader.rest()) {
    pieces.push(piece);
    length += piece.length;
    while (length - pieces[0].length >= count) length -= pieces.shift()!.length;
  }
  if (length > count) pieces[0] = pieces[0].subarray(length - count);
  return inOrder(pieces);
}

async function* inOrder(pieces: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* pieces;
}

/**
 * Opens a source, has it read, and closes it whatever comes of it.
 * @throws what `read` throws, and what `ByteReader.open` does.
 */
export async function withReader<T>(
  source: ByteSource,
  name: string,
  signal: AbortSignal | undefined,
  read: (reader: ByteReader) => Promise<T>,
): Promise<T> {
  const reader = await ByteReader.open(source, name, signal);
  try {
    return await read(reader);
  } finally {
    await reader.close();
  }
}

/** The gzip file of the given parts in order. Its time stamp is 0, so equal parts give equal bytes. */
export function gzip(parts: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array> {
  return pack(parts, 'gzip', signal);
}

/** The same, piece by piece. */
export function gzipPieces(
  parts: readonly Uint8Array[],
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  return packedPieces(parts, 'gzip', signal);
}

/** The parts in order in zlib's own wrapping (RFC 1950). */
export function zlib(parts: readonly Uint8Array[], signal?: AbortSignal): Promise<Uint8Array> {
  return pack(parts, 'deflate', signal);
}

async function pack(
  parts: readonly Uint8Array[],
  format: 'gzip' | 'deflate',
  signal?: AbortSignal,
): Promise<Uint8Array> {
  const packed: Uint8Array[] = [];
  for await (const piece of packedPieces(parts, format, signal)) packed.push(piece);
  return concatenate(packed);
}

/** As it comes, so that whoever passes it on need not hold all of it. */
async function* packedPieces(
  parts: readonly Uint8Array[],
  format: 'gzip' | 'deflate',
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  let part = 0;
  let offset = 0;
  const plain = new ReadableStream<BufferSource>({
    pull(controller) {
      if (part === parts.length) return controller.close();
      const piece = parts[part].subarray(offset, offset + GZIP_PIECE);
      offset += piece.length;
      if (offset === parts[part].length) {
        part++;
        offset = 0;
      }
      // Browsers pack no memory that is shared.
      controller.enqueue((piece.buffer instanceof ArrayBuffer ? piece : piece.slice()) as BufferSource);
    },
  });
  const reader = plain.pipeThrough(new CompressionStream(format), { signal }).getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}

/** One array of all parts in order. */
export function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** A character a byte. */
export function latin1(bytes: Uint8Array): string {
  let text = '';
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return text;
}

/** Whether this machine's typed arrays are little-endian. */
export const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Reverses the bytes of each element of `size` bytes, in place. */
export function swapBytes(bytes: Uint8Array, size: number): void {
  for (let start = 0; start < bytes.length; start += size) {
    for (let i = start, j = start + size - 1; i < j; i++, j--) {
      const low = bytes[i];
      bytes[i] = bytes[j];
      bytes[j] = low;
    }
  }
}

function chunksOf(source: ByteSource): Chunks {
  if (source instanceof Uint8Array) return fromBytes(source);
  // Safari's ReadableStream is no async iterable; a reader works everywhere.
  if ('getReader' in source) return fromStream(source);
  return fromIterable(source);
}

function fromBytes(bytes: Uint8Array): Chunks {
  let rest: Uint8Array | null = bytes;
  return {
    next: async () => {
      const chunk = rest;
      rest = null;
      return chunk;
    },
    close: async () => {
      rest = null;
    },
  };
}

function fromStream(stream: ReadableStream<Uint8Array>): Chunks {
  const reader = stream.getReader();
  return {
    next: async () => {
      const { done, value } = await reader.read();
      return done ? null : value;
    },
    close: () => reader.cancel(),
  };
}

function fromIterable(iterable: AsyncIterable<Uint8Array>): Chunks {
  const iterator = iterable[Symbol.asyncIterator]();
  return {
    next: async () => {
      const { done, value } = await iterator.next();
      return done ? null : value;
    },
    close: async () => iterator.return?.(),
  };
}

/**
 * Unpacked pieces. Node's streams queue 16384 pieces on either side of a DecompressionStream before they hold back,
 * which would unpack most files whole for a look at their header. So a piece goes in only when someone waits for
 * output, and the next one when that one has been dealt with.
 */
function unpacked(head: Uint8Array, chunks: Chunks, name: string, format: 'gzip' | 'deflate'): Chunks {
  const { readable, writable } = new DecompressionStream(format);
  const reader = readable.getReader();
  const writer = writable.getWriter();
  let packed: Uint8Array | null = head;
  let feeding: Promise<void> | undefined;
  let length = 0;

  async function feed(): Promise<void> {
    while (packed !== null && packed.length === 0) packed = await chunks.next();
    const piece = packed?.subarray(0, GUNZIP_PIECE);
    packed = packed?.subarray(GUNZIP_PIECE) ?? null;
    // The reader's side reports what is wrong with the data.
    await (piece ? writer.write(piece as BufferSource) : writer.close()).catch(() => undefined);
    if (piece) feeding = undefined;
  }

  async function output(): Promise<Uint8Array | null> {
    let waiting = true;
    const read = reader
      .read()
      .catch((error) => {
        throw unpackingError(name, length, error);
      })
      .finally(() => {
        waiting = false;
      });
    // Whichever of the two fails second has nobody waiting for it.
    read.catch(() => undefined);
    // Output that lies ready arrives within these turns, and nothing needs to go in for it.
    for (let turn = 0; turn < READY_TURNS && waiting; turn++) await undefined;
    while (waiting && packed !== null) {
      if (!feeding) {
        feeding = feed();
        feeding.catch(() => undefined);
      }
      await Promise.race([read, feeding]);
    }
    const { done, value } = await read;
    return done ? null : value;
  }

  return {
    async next() {
      const piece = await output();
      length += piece?.length ?? 0;
      return piece;
    },
    async close() {
      await Promise.allSettled([reader.cancel(), writer.abort(), chunks.close()]);
    },
  };
}

function unpackingError(name: string, unpacked: number, cause: unknown): TonnoError {
  // The words differ: zlib in Node says "unexpected end of file", browsers speak of truncated input. From Node 22 on
  // the words are those of the error's cause.
  const reason = wordsOf(cause) || (cause instanceof Error && wordsOf(cause.cause)) || 'no gzip';
  return /unexpected end|truncated/i.test(reason)
    ? new VolumeError(
        name,
        `The compressed data stop before their end, after unpacking to ${unpacked} bytes.`,
        {
          remedy: 'The file was cut off: copy or download it again.',
          cause,
        },
      )
    : new VolumeError(
        name,
        `The compressed data are damaged (${reason}), after unpacking to ${unpacked} bytes.`,
        {
          remedy: 'Copy or download the file again.',
          cause,
        },
      );
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : '';
}
