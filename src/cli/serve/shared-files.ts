/**
 * The files that a page may ask for: an address for each, given out at start, and nothing else. An address is a number and
 * the file's name, which is there for those who read it; requests are looked up as they come, and no path is ever made
 * of one. What a folder merely holds is shared only where it really lies in it, not where a link leads out of it;
 * what a person, a cohort's table or a record names may lie anywhere.
 */
import { realpath, stat } from 'node:fs/promises';
import { basename, sep } from 'node:path';
import { BYTES, NO_STORE, type Reply } from './reply.ts';

/** Why a file is not shared. */
export type Unshared = 'missing' | 'not a file' | 'outside';

export type Share = { readonly address: string } | { readonly why: Unshared };

export class SharedFiles {
  /** Paths without links, by address. */
  private readonly paths = new Map<string, string>();
  private readonly addresses = new Map<string, string>();
  /** Folders without links, each looked up once. */
  private readonly roots = new Map<string, Promise<string>>();

  /** Shares a file that was named. */
  async addNamed(path: string): Promise<Share> {
    const real = await realpath(path).catch(() => undefined);
    return real === undefined ? { why: 'missing' } : this.add(real, basename(path));
  }

  /** Shares a file that was found in a folder, if it is in it. */
  async addFound(path: string, folder: string): Promise<Share> {
    const real = await realpath(path).catch(() => undefined);
    if (real === undefined) return { why: 'missing' };
    const root = await this.rootOf(folder);
    const within = real.startsWith(root.endsWith(sep) ? root : root + sep);
    return within ? this.add(real, basename(path)) : { why: 'outside' };
  }

  private rootOf(folder: string): Promise<string> {
    const root = this.roots.get(folder) ?? realpath(folder);
    this.roots.set(folder, root);
    return root;
  }

  /** Undefined where there is none. @param address the path of a request, as it came. */
  reply(address: string): Reply | undefined {
    const path = this.paths.get(address);
    if (path === undefined) return undefined;
    const type = path.endsWith('.json') ? 'application/json' : BYTES;
    return { status: 200, headers: { 'Content-Type': type, ...NO_STORE }, body: { path } };
  }

  /** @param name by which it was found or named: the page tells files apart by it. */
  private async add(real: string, name: string): Promise<Share> {
    const entry = await stat(real).catch(() => undefined);
    if (!entry) return { why: 'missing' };
    if (!entry.isFile()) return { why: 'not a file' };
    const known = this.addresses.get(`${name}\0${real}`);
    if (known !== undefined) return { address: known };
    // Half a character, as some file systems hold them, cannot be said in an address.
    const address = `files/${this.paths.size}/${encodeURIComponent(name.replace(/\p{Cs}/gu, '_'))}`;
    this.paths.set(`/${address}`, real);
    this.addresses.set(`${name}\0${real}`, address);
    return { address };
  }
}
