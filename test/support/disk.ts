/** Small file systems, for what happens when a disk is full. Only root may make them. */
import { execFileSync } from 'node:child_process';
import { newFolder } from './cli.ts';

/** @param size as mount takes it, for instance 64k. */
export function mountSmall(path: string, size: string): void {
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', path], { stdio: 'ignore' });
}

export function unmount(path: string): void {
  execFileSync('umount', [path]);
}

/** Whether that is possible here; tried in a folder of its own within the given one. */
export function mayMount(folder: string): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  const path = newFolder(folder);
  try {
    mountSmall(path, '64k');
    unmount(path);
    return true;
  } catch {
    return false;
  }
}
