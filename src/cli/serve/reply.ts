/**
 * Answers of the server: a sentence, bytes, or a file that goes out as it is read, however large. A file's length is said
 * before its bytes; where they do not come (it was cut off, a disk failed) the connection ends, so that nobody
 * takes a part for the whole.
 */
import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { HEADERS } from './security.ts';

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | { readonly path: string };
}

/** The type of whatever is nothing to be shown. */
export const BYTES = 'application/octet-stream';

/** Data of a person's scans is kept by no cache, and neither is what was refused. */
export const NO_STORE = { 'Cache-Control': 'no-store' } as const;

export function sentenceReply(
  status: number,
  sentence: string,
  headers: Readonly<Record<string, string>> = {},
): Reply {
  return {
    status,
    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...NO_STORE, ...headers },
    body: new TextEncoder().encode(`${sentence}\n`),
  };
}

export function missingReply(): Reply {
  return sentenceReply(404, 'There is no such file here.');
}

/** @param bare leaves the body out, as HEAD wants it. */
export async function send(response: ServerResponse, reply: Reply, bare: boolean): Promise<void> {
  const { status, headers, body } = reply;
  if ('path' in body) return sendFile(response, body.path, headers, bare);
  // "Not modified" speaks of a body that it does not have.
  const length = status === 304 ? {} : { 'Content-Length': body.length };
  response.writeHead(status, { ...HEADERS, ...headers, ...length });
  response.end(bare ? undefined : body);
}

async function sendFile(
  response: ServerResponse,
  path: string,
  headers: Reply['headers'],
  bare: boolean,
): Promise<void> {
  const handle = await openPlain(path);
  if (!handle) return send(response, missingReply(), bare);
  try {
    const { size } = await handle.stat();
    response.writeHead(200, { ...HEADERS, ...headers, 'Content-Length': size });
    if (bare || size === 0) {
      response.end();
      return;
    }
    const bytes = handle.createReadStream({ start: 0, end: size - 1, highWaterMark: 2 ** 18 });
    await pipeline(bytes, (source: AsyncIterable<Uint8Array>) => whole(source, size), response);
  } finally {
    await handle.close();
  }
}

/**
 * What lay under a path when the server began. A link that has come into its place since is not followed, and a pipe not
 * waited for.
 */
async function openPlain(path: string): Promise<FileHandle | undefined> {
  // Windows knows neither.
  const { O_RDONLY, O_NOFOLLOW = 0, O_NONBLOCK = 0 } = constants;
  const handle = await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK).catch(() => undefined);
  if (!handle || (await handle.stat()).isFile()) return handle;
  await handle.close();
  return undefined;
}

/** Bytes as they come, and an error where there are fewer than were promised. */
async function* whole(source: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let sent = 0;
  for await (const bytes of source) {
    sent += bytes.length;
    yield bytes;
  }
  if (sent < size) throw new Error(`The file ended after ${sent} of ${size} bytes.`);
}
