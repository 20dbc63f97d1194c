/**
 * The page: the static files of dist/app, by a list that is made at start. Text is packed once and kept; the engine's
 * WebAssembly and the like go out from the disk.
 */
import { readdir, readFile, stat } from 'node:fs/promises';
import type { IncomingHttpHeaders } from 'node:http';
import { extname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { TonnoError } from '../../errors.ts';
import { BYTES, type Reply } from './reply.ts';

/** What a browser must be told of a file; modules and WebAssembly are refused under another name. */
const TYPES: Readonly<Record<string, { readonly type: string; readonly text?: true }>> = {
  '.html': { type: 'text/html; charset=utf-8', text: true },
  '.js': { type: 'text/javascript; charset=utf-8', text: true },
  '.mjs': { type: 'text/javascript; charset=utf-8', text: true },
  '.css': { type: 'text/css; charset=utf-8', text: true },
  '.json': { type: 'application/json', text: true },
  '.map': { type: 'application/json', text: true },
  '.txt': { type: 'text/plain; charset=utf-8', text: true },
  '.svg': { type: 'image/svg+xml', text: true },
  '.wasm': { type: 'application/wasm' },
  '.png': { type: 'image/png' },
  '.ico': { type: 'image/x-icon' },
  '.woff2': { type: 'font/woff2' },
};

/** Names with a hash of what is in them, as Vite gives them: such a file never changes. */
const HASHED = /^assets\/.+-[\w-]{8}\.\w+$/;
const ENTRY = 'index.html';

/** Of this program: beside it where it was built, and where the build puts it for those who run its source. */
export const PAGE = fileURLToPath(
  new URL(import.meta.url.endsWith('.ts') ? '../../../dist/app' : '../../app', import.meta.url),
);

interface PageFile {
  readonly path: string;
  readonly name: string;
  /** Changes with the file. */
  readonly tag: string;
}

interface Text {
  readonly plain: Uint8Array;
  readonly packed: Uint8Array;
}

export class PageFiles {
  /** By their addresses, exactly as they are asked for. */
  private readonly files: ReadonlyMap<string, PageFile>;
  private readonly texts = new Map<string, Promise<Text>>();

  private constructor(files: ReadonlyMap<string, PageFile>) {
    this.files = files;
  }

  /** @throws TonnoError when there is no page. */
  static async open(folder = PAGE): Promise<PageFiles> {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    const files = new Map<string, PageFile>();
    for (const entry of entries.filter((own) => own.isFile())) {
      const path = join(entry.parentPath, entry.name);
      const name = relative(folder, path).split(sep).join('/');
      const { size, mtimeMs } = await stat(path);
      const tag = `${size.toString(36)}-${Math.round(mtimeMs).toString(36)}`;
      files.set(`/${name.split('/').map(encodeURIComponent).join('/')}`, { path, name, tag });
    }
    const entry = files.get(`/${ENTRY}`);
    if (!entry) {
      throw new TonnoError(folder, 'The page is not there: it was not built.', {
        remedy: 'Build it with `npm run build`, or install tonno again.',
      });
    }
    files.set('/', entry);
    return new PageFiles(files);
  }

  /** Undefined where there is none. @param address the path of the request, as it came. */
  async reply(
    address: string,
    { 'accept-encoding': encodings, 'if-none-match': known }: IncomingHttpHeaders,
  ): Promise<Reply | undefined> {
    const file = this.files.get(address);
    if (!file) return undefined;
    const { type, text } = TYPES[extname(file.name).toLowerCase()] ?? { type: BYTES };
    const packed = text === true && acceptsGzip(encodings);
    const tag = `W/"${file.tag}${packed ? '-gz' : ''}"`;
    const headers = {
      'Content-Type': type,
      'Cache-Control': HASHED.test(file.name) ? 'private, max-age=31536000, immutable' : 'no-cache',
      ETag: tag,
      ...(text && { Vary: 'Accept-Encoding' }),
      ...(packed && { 'Content-Encoding': 'gzip' }),
    };
    if (!text) {
      if (known === tag) return { status: 304, headers, body: new Uint8Array(0) };
      return { status: 200, headers, body: { path: file.path } };
    }
    const content = await this.text(file.path);
    if (!content) return undefined;
    if (known === tag) return { status: 304, headers, body: new Uint8Array(0) };
    return { status: 200, headers, body: packed ? content.packed : content.plain };
  }

  /** Undefined where the file has gone. */
  private text(path: string): Promise<Text | undefined> {
    let text = this.texts.get(path);
    if (!text) {
      text = readText(path);
      this.texts.set(path, text);
    }
    return text.catch(() => {
      this.texts.delete(path);
      return undefined;
    });
  }
}

async function readText(path: string): Promise<Text> {
  const plain = await readFile(path);
  return { plain, packed: await promisify(gzip)(plain) };
}

function acceptsGzip(encodings: string | string[] | undefined): boolean {
  return String(encodings ?? '')
    .split(',')
    .some((one) => /^\s*gzip\s*(;\s*q=(1|0\.\d*[1-9]\d*)(\.0*)?\s*)?$/i.test(one));
}
