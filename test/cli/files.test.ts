import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  fileError,
  jsonBytes,
  NewFile,
  onFile,
  openSource,
  parseJson,
  prepareFolder,
  readBytes,
  removeUnfinished,
  resultNames,
  writeWhole,
} from '../../src/cli/files.ts';
import { TonnoError, UsageError, VolumeError } from '../../src/errors.ts';
import { filesIn, newFolder, temporaryFolder } from '../support/cli.ts';

const folder = temporaryFolder();
const bytes = (text: string) => new TextEncoder().encode(text);

describe('names of results', () => {
  test.each([
    [['scan.nii'], ['scan']],
    [['/data/scan.nii.gz'], ['scan']],
    [['scan.NII.GZ'], ['scan']],
    [['scan'], ['scan']],
    [['scan.nii.gz.nii'], ['scan.nii.gz']],
    [
      ['a/x.nii', 'a/y.nii.gz'],
      ['x', 'y'],
    ],
    [
      ['sub-1/t1.nii', 'sub-2/t1.nii'],
      ['sub-1_t1', 'sub-2_t1'],
    ],
    [
      ['sub-1/t1.nii', 'sub-2/t1.nii', 'sub-2/t2.nii'],
      ['sub-1_t1', 'sub-2_t1', 't2'],
    ],
    [
      ['a/x/t.nii', 'b/x/t.nii'],
      ['a_x_t', 'b_x_t'],
    ],
    [
      ['a/x/t.nii', 'b/x/t.nii', 'b/y/t.nii'],
      ['a_x_t', 'b_x_t', 'y_t'],
    ],
    [
      ['/.nii', '/b.nii'],
      ['.nii', 'b'],
    ],
  ])('of %j are %j', (paths, names) => {
    expect(resultNames(paths)).toEqual(names);
  });

  test.each([
    [['a/scan.nii', 'a/scan.nii.gz'], 'a/scan.nii.gz', 'a/scan.nii'],
    [['b.nii', 'a.nii', './b.nii'], './b.nii', 'b.nii'],
    [['x/c.nii', 'b/c.nii', 'y/b_c.nii'], 'y/b_c.nii', 'b/c.nii'],
  ])('of %j would be the same, which is refused', (paths, second, first) => {
    expect(() => resultNames(paths)).toThrow(UsageError);
    expect(() => resultNames(paths)).toThrow(
      `${second}: Its results would have the same names as those of ${first}.`,
    );
  });
});

describe('errors of the file system', () => {
  const system = (code: string) => Object.assign(new Error(`${code}: open 'x'`), { code, syscall: 'open' });
  test.each([
    ['ENOENT', 'out/x: There is no such file or folder. Check the path.'],
    ['EACCES', 'out/x: The permission is missing. Change its permissions or choose another place.'],
    ['EROFS', 'out/x: The file system is read-only. Choose another place.'],
    ['ENOSPC', 'out/x: The disk is full. Make room or choose another place with --out.'],
    ['EDQUOT', 'out/x: The disk quota is used up. Make room or choose another place with --out.'],
    ['EISDIR', 'out/x: It is a folder, not a file. Name a file.'],
    ['ENOTDIR', 'out/x: A part of its path is a file, not a folder. Check the path.'],
    ['EMFILE', 'out/x: The file system refused it (EMFILE).'],
  ])('%s is a sentence', (code, message) => {
    const cause = system(code);
    const error = fileError('out/x', cause);
    expect(error).toBeInstanceOf(TonnoError);
    expect(error).toMatchObject({ message, subject: 'out/x', cause });
  });

  test('are told from errors of ours and from faults, which stay what they are', () => {
    const ours = new VolumeError('scan.nii', 'It is empty.');
    const fault = new TypeError('x is not a function');
    const coded = Object.assign(new Error('bad argument'), { code: 'ERR_INVALID_ARG_TYPE' });
    for (const error of [ours, fault, coded, 'text', undefined]) expect(fileError('x', error)).toBe(error);
  });

  test('come from the real thing too', async () => {
    await expect(readBytes(join(folder, 'nothing'))).rejects.toThrow('There is no such file or folder.');
    await expect(readBytes(folder)).rejects.toThrow(`${folder}: It is a folder, not a file. Name a file.`);
    await expect(openSource(folder)).rejects.toThrow(
      `${folder}: It is a folder, not a file. Name the volumes in it.`,
    );
    await expect(onFile('x', () => Promise.reject(system('EPERM')))).rejects.toThrow(
      'x: The operation is not permitted.',
    );
  });
});

describe('writing whole files', () => {
  test('puts them in place under their names and nothing else', async () => {
    const own = newFolder(folder);
    const [a, b] = [join(own, 'a.json'), join(own, 'b.nii')];
    writeFileSync(a, 'what was there before, and longer');
    await writeWhole({ [a]: bytes('one'), [b]: bytes('two') });
    expect([readFileSync(a, 'utf8'), readFileSync(b, 'utf8')]).toEqual(['one', 'two']);
    expect(filesIn(own)).toEqual(['a.json', 'b.nii']);
  });

  test('writes none when one of them cannot be begun', async () => {
    const own = newFolder(folder);
    const missing = join(own, 'missing', 'b.nii');
    await expect(
      writeWhole({ [join(own, 'a.json')]: bytes('one'), [missing]: bytes('two') }),
    ).rejects.toThrow(`${missing}: There is no such file or folder.`);
    expect(readdirSync(own)).toEqual([]);
  });

  test('writes none when one of them cannot be written to its end, and leaves the old ones', async () => {
    const own = newFolder(folder);
    const [a, b] = [join(own, 'a.json'), join(own, 'b.nii')];
    writeFileSync(a, 'old');
    const full = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC', syscall: 'write' });
    const write = NewFile.prototype.write;
    const failing = vi.spyOn(NewFile.prototype, 'write').mockImplementation(function (this: NewFile, part) {
      return this.path === b ? Promise.reject(full) : write.call(this, part);
    });
    try {
      await expect(writeWhole({ [a]: bytes('one'), [b]: bytes('two') })).rejects.toBe(full);
    } finally {
      failing.mockRestore();
    }
    expect(filesIn(own)).toEqual(['a.json']);
    expect(readFileSync(a, 'utf8')).toBe('old');
  });

  test('leaves nothing of a file that cannot take its name', async () => {
    const own = newFolder(folder);
    const taken = join(own, 'taken');
    mkdirSync(join(taken, 'inside'), { recursive: true });
    await expect(writeWhole({ [taken]: bytes('one') })).rejects.toThrow(
      `${taken}: It is a folder, not a file.`,
    );
    expect(filesIn(own)).toEqual([]);
    expect(readdirSync(own)).toEqual(['taken']);
  });
});

describe('a new file', () => {
  test('is not there under its name until it is whole', async () => {
    const own = newFolder(folder);
    const path = join(own, 'a.npy');
    const file = await NewFile.create(path);
    await file.write(bytes('header....'));
    await file.write(bytes('rows'));
    await file.write(bytes('HEADER'), 0);
    expect(filesIn(own)).toEqual([`.a.npy.${process.pid}.tmp`]);
    await file.commit();
    expect(filesIn(own)).toEqual(['a.npy']);
    expect(readFileSync(path, 'utf8')).toBe('HEADER....rows');
    await file.discard();
    expect(filesIn(own)).toEqual(['a.npy']);
  });

  test('leaves nothing when it is given up, and giving it up twice does no harm', async () => {
    const own = newFolder(folder);
    const file = await NewFile.create(join(own, 'a.npy'));
    await file.write(bytes('half'));
    await file.discard();
    await file.discard();
    expect(readdirSync(own)).toEqual([]);
  });

  test('is removed with all others when there is no time left', async () => {
    const own = newFolder(folder);
    const done = await NewFile.create(join(own, 'done'));
    await done.commit();
    const [a, b] = [await NewFile.create(join(own, 'a')), await NewFile.create(join(own, 'b'))];
    removeUnfinished();
    expect(filesIn(own)).toEqual(['done']);
    await a.discard();
    await b.discard();
  });
});

describe('the folder of results', () => {
  test('is made with those above it, and left empty', async () => {
    const path = join(newFolder(folder), 'a', 'b');
    await prepareFolder(path);
    await prepareFolder(path);
    expect(readdirSync(path)).toEqual([]);
  });

  test('is no file', async () => {
    const path = join(newFolder(folder), 'file');
    writeFileSync(path, '');
    await expect(prepareFolder(path)).rejects.toThrow(`${path}: A file of that name is in the way.`);
    await expect(prepareFolder(join(path, 'a', 'b'))).rejects.toThrow('A part of its path is a file');
  });
});

describe('JSON', () => {
  test('is for people to read, and ends with a line break', () => {
    expect(new TextDecoder().decode(jsonBytes({ a: [1], b: 'ü' }))).toBe(
      '{\n  "a": [\n    1\n  ],\n  "b": "ü"\n}\n',
    );
  });

  test('carries the numbers that JSON does not have, and everything else', () => {
    const value = { a: [-0, 0, Number.NaN, Infinity, -Infinity], b: { number: 5, c: null, d: 'NaN' } };
    expect(parseJson(jsonBytes(value))).toEqual(value);
    expect(() => parseJson(bytes('{'))).toThrow(SyntaxError);
  });
});
