/** Archives on the disk as adapters see them. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { requireArchive, sourceFolder } from '../../src/cli/source-folder.ts';
import { TonnoError } from '../../src/errors.ts';
import { createVolume } from '../../src/volume/volume.ts';
import { temporaryFolder } from '../support/cli.ts';
import { writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const root = join(folder, 'archive');
beforeAll(async () => {
  for (const name of ['b', 'B', 'a', '.hidden', 'ä']) mkdirSync(join(root, name), { recursive: true });
  for (const name of ['z.csv', 'Z.csv', '10', '9', '.DS_Store', '._z.csv'])
    writeFileSync(join(root, name), name);
  writeFileSync(join(folder, 'secret'), 'secret');
  const data = Float32Array.of(1, Number.NaN, Number.POSITIVE_INFINITY, 4, 5, 6, 7, 8);
  await writeVolume(join(root, 'a', 'holes.nii'), createVolume(data, [2, 2, 2]));
});

describe('an archive on the disk', () => {
  it('lists what is not hidden, in the order of the characters’ codes', async () => {
    expect(await sourceFolder(root).list('')).toEqual({
      files: ['10', '9', 'Z.csv', 'z.csv'],
      folders: ['B', 'a', 'b', 'ä'],
    });
    expect(await sourceFolder(root).list('a')).toEqual({ files: ['holes.nii'], folders: [] });
  });

  // Windows lets few make links.
  it.skipIf(process.platform === 'win32')('follows links (skipped on Windows)', async () => {
    const links = join(folder, 'links');
    mkdirSync(links);
    symlinkSync(join(root, 'a'), join(links, 'folder'));
    symlinkSync(join(root, 'z.csv'), join(links, 'file'));
    symlinkSync(join(root, 'nowhere'), join(links, 'lost'));
    expect(await sourceFolder(links).list('')).toEqual({ files: ['file', 'lost'], folders: ['folder'] });
    await expect(sourceFolder(links).readBytes('lost')).rejects.toThrow('There is no such file or folder.');
  });

  it.each([
    '../secret',
    'a/../../secret',
    '..',
    '/etc/passwd',
    'a//b',
    './a',
    'a\\..\\..\\secret',
    'a\0',
  ])('gives nothing outside it: %j', async (path) => {
    const { list, readBytes, readVolume } = sourceFolder(root);
    for (const read of [list, readBytes, readVolume]) {
      const error = await read(path).catch((thrown) => thrown);
      expect(error).toBeInstanceOf(TonnoError);
      expect(error.message).toContain('names a file outside its folder, or nowhere');
    }
  });

  it('reads volumes with the options that it was given, and tells of what was not finite', async () => {
    await expect(sourceFolder(root).readVolume('a/holes.nii')).rejects.toThrow('2 of its 8 voxels are NaN');
    const heard: unknown[] = [];
    const { data, name } = await sourceFolder(root, { nan: 'zero' }, (path, { notFinite }) =>
      heard.push([path, notFinite]),
    ).readVolume('a/holes.nii');
    expect([...data]).toEqual([1, 0, 0, 4, 5, 6, 7, 8]);
    expect(name).toBe(join(root, 'a', 'holes.nii'));
    expect(heard).toEqual([[join(root, 'a', 'holes.nii'), 2]]);
  });

  it('names what is not there', async () => {
    const missing = join(root, 'c');
    await expect(sourceFolder(root).list('c')).rejects.toThrow(
      `${missing}: There is no such file or folder.`,
    );
    await expect(sourceFolder(root).readBytes('c')).rejects.toThrow(
      `${missing}: There is no such file or folder.`,
    );
    await expect(requireArchive(join(root, 'z.csv'))).rejects.toThrow(
      'It is a file, not a folder. Unpack the archive and name its folder.',
    );
    await expect(requireArchive(missing)).rejects.toThrow(`${missing}: There is no such file or folder.`);
    await requireArchive(root);
  });
});
