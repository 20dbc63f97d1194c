import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatenate } from '../../src/formats/bytes.ts';
import { decodeNrrd, encodeNrrd, readNrrdHeader } from '../../src/formats/nrrd.ts';
import { createVolume } from '../../src/volume/volume.ts';
import { failure, inPieces } from './build.ts';
import { anyVolume } from './volumes.ts';

/** A raw NRRD file of 2×2×2 bytes, 1…8, with fields in place of the usual ones; undefined leaves one out. */
function build(
  fields: Record<string, string | undefined> = {},
  data = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8),
) {
  const all: Record<string, string | undefined> = {
    type: 'uint8',
    dimension: '3',
    space: 'left-posterior-superior',
    sizes: '2 2 2',
    'space directions': '(1,0,0) (0,2,0) (0,0,3)',
    'space origin': '(4,5,6)',
    encoding: 'raw',
    ...fields,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key}: ${value}\n`);
  return concatenate([new TextEncoder().encode(`NRRD0004\n${lines.join('')}\n`), data]);
}

test('x and y of left-posterior-superior change their signs', async () => {
  const { volume, notes } = await decodeNrrd(build(), 'scan.nrrd');
  expect([...volume.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  expect(volume.geometry.affine).toEqual([-1, 0, 0, -4, 0, -2, 0, -5, 0, 0, 3, 6, 0, 0, 0, 1]);
  expect(notes).toEqual([]);
});

test('the header alone is read without a byte more', async () => {
  const { state, source } = inPieces(build(), 16);
  const header = await readNrrdHeader(source, 'scan.nrrd');
  expect(header).toMatchObject({
    format: 'NRRD0004',
    datatype: 'uint8',
    encoding: 'raw',
    shape: [2, 2, 2],
    channels: 1,
  });
  expect(state.closed).toBe(true);
});

test('units of the world become millimetres, which a note says', async () => {
  const { volume, notes } = await decodeNrrd(build({ 'space units': '"cm" "cm" "mm"' }), 'scan.nrrd');
  expect(volume.geometry.affine).toEqual([-10, 0, 0, -40, 0, -20, 0, -50, 0, 0, 3, 6, 0, 0, 0, 1]);
  expect(notes).toEqual([expect.stringContaining('made millimetres')]);
});

test('an axis of one that is no space is left away', async () => {
  const fields = {
    dimension: '5',
    sizes: '1 2 2 2 1',
    'space directions': 'none (1,0,0) (0,2,0) (0,0,3) (nan,nan,nan)',
  };
  const { volume } = await decodeNrrd(build(fields), 'scan.nrrd');
  expect(volume).toMatchObject({ channels: 1, shape: [2, 2, 2] });
});

test('a missing origin is said', async () => {
  const { volume, notes } = await decodeNrrd(build({ 'space origin': undefined }), 'scan.nrrd');
  expect([3, 7, 11].map((i) => volume.geometry.affine[i])).toEqual([0, 0, 0]);
  expect(notes).toEqual(['It gives no origin: it is taken as 0, 0, 0.']);
});

describe('what cannot become a volume is refused', () => {
  const text = (words: string) => new TextEncoder().encode(words);
  test.each([
    ['another version', text('NRRD0009\n'), 'has version 9; versions 1 to 5 are known.'],
    ['a cut header', build().subarray(0, 60), 'ends within its NRRD header, or the header is damaged.'],
    ['a field without a colon', text('NRRD0004\ntype uchar\n\n'), 'a line "type uchar" without a colon'],
    ['a misspelt field', build({ 'space direction': '(1,0,0)' }), 'a field "space direction", which NRRD'],
    ['a field twice', text('NRRD0004\ntype: uchar\ntype: uchar\n\n'), 'the field "type" twice'],
    ['no type', build({ type: undefined }), 'does not give "type"'],
    ['no encoding', build({ encoding: undefined }), 'does not give "encoding"'],
    ['blocks', build({ type: 'block' }), 'Its type is "block", which cannot be read here.'],
    [
      'bzip2',
      build({ encoding: 'bzip2' }),
      'Its encoding is "bzip2", which cannot be read here. Write it again',
    ],
    ['no byte order', build({ type: 'short' }), 'in which order the bytes of a voxel are ("endian")'],
    ['an unknown byte order', build({ endian: 'middle' }), 'Its endian is "middle"'],
    [
      'scanner coordinates',
      build({ space: 'scanner-xyz' }),
      'Its space is "scanner-xyz", which cannot be read',
    ],
    ['a right-handed world', build({ space: '3D-right-handed' }), 'which side of the body its axes go to'],
    ['a world with time', build({ space: 'left-posterior-superior-time' }), 'Its space is "left-posterior'],
    ['directions in no world', build({ space: undefined, 'space dimension': '3' }), 'there is no "space"'],
    ['a world without directions', build({ 'space directions': undefined }), 'gives no "space directions"'],
    [
      'two vectors for three axes',
      build({ 'space directions': '(1,0,0) (0,2,0)' }),
      'space directions is "(1,0,0)',
    ],
    [
      'a vector of two numbers',
      build({ 'space directions': '(1,0) (0,2,0) (0,0,3)' }),
      'cannot be read here',
    ],
    ['an origin of two numbers', build({ 'space origin': '(1,0)' }), 'Its space origin is "(1,0)"'],
    ['unknown units', build({ 'space units': '"furlong" "mm" "mm"' }), 'Its space units is ""furlong"'],
    ['a singular affine', build({ 'space directions': '(1,0,0) (2,0,0) (0,0,3)' }), 'Its affine is singular'],
    [
      'an infinite affine',
      build({ 'space origin': '(1,inf,0)' }),
      'Its affine has numbers that are not finite',
    ],
    [
      'two axes',
      build({ dimension: '2', sizes: '2 4', 'space directions': '(1,0,0) (0,1,0)' }),
      'an image of a slice',
    ],
    [
      'two axes of channels',
      build({ dimension: '5', sizes: '2 2 2 2 2', 'space directions': 'none none (1,0,0) (0,1,0) (0,0,1)' }),
      'Its axes have lengths 2×2×2×2×2: 3 of them in space and 2 of values.',
    ],
    [
      'four axes that could all be space',
      build({
        space: undefined,
        'space directions': undefined,
        'space origin': undefined,
        dimension: '4',
        sizes: '2 2 2 1',
      }),
      '4 of them in space and 0 of values. A volume has three axes in space (kinds: domain)',
    ],
    ['too few sizes', build({ sizes: '2 2' }), 'Its dimension is "3" and its sizes are "2 2".'],
    ['an axis of length 0', build({ sizes: '2 0 2' }), 'Its dimension is "3" and its sizes are "2 0 2".'],
    ['a length with a fraction', build({ sizes: '2 2.5 2' }), 'its sizes are "2 2.5 2"'],
    ['lengths beyond all bounds', build({ sizes: '99999 99999 99999' }), 'would take'],
    ['cut voxels', build({}, Uint8Array.of(1, 2, 3)), 'ends after 3 of the 8 bytes of voxels'],
    ['no voxels', build({}, new Uint8Array(0)), 'has a header but no voxels'],
    ['gzip that is none', build({ encoding: 'gzip' }), 'says that the voxels are gzip, and they are not'],
    ['gzip without voxels', build({ encoding: 'gzip' }, new Uint8Array(0)), 'has a header but no voxels'],
    [
      'text that is no number',
      build({ encoding: 'text' }, text('1 2 3 4 5 6 7 x')),
      'is "x", which is no uint8',
    ],
    [
      'text beyond its type',
      build({ encoding: 'text' }, text('1 2 3 4 5 6 7 256')),
      'is "256", which is no uint8',
    ],
    [
      'text with a fraction',
      build({ encoding: 'text' }, text('1 2 3 4 5 6 7 .5')),
      'is ".5", which is no uint8',
    ],
    ['too few numbers', build({ encoding: 'text' }, text('1 2 3')), 'ends after 3 of the 8 voxels'],
    ['a name of Object in the text', build({ encoding: 'text' }, text('constructor')), 'is "constructor"'],
    ['hex that is none', build({ encoding: 'hex' }, text('0102030405060z08')), 'no hexadecimal digits'],
    [
      '64-bit integers',
      build({ type: 'int64', endian: 'little' }),
      'int64, which float32 cannot hold exactly',
    ],
    ['voxels in another file', build({ 'data file': 'a.raw' }), 'Its voxels are in another file, a.raw.'],
    ['a list of files', build({ 'data file': 'LIST' }), 'spread over several files'],
    ['a pattern of files', build({ 'data file': 'a%03d.raw 1 2 1' }), 'spread over several files'],
    ['a skip that makes no sense', build({ 'byte skip': '-2' }), 'Its byte skip is "-2"'],
    [
      'a skip from the end of gzip',
      build({ encoding: 'gzip', 'byte skip': '-1' }),
      'goes with the encoding raw',
    ],
  ])('%s', async (_, bytes, sentence) => {
    const error = await failure(decodeNrrd(bytes, 'scan.nrrd'));
    expect(error).toMatchObject({ name: 'VolumeError', message: expect.stringContaining(sentence) });
    expect(error.message).toMatch(/\.$/);
  });

  // Each of them takes for ever where someone looks at every part of it anew.
  test.each([
    ['a line of blanks', build({ content: `x${' '.repeat(5e5)}x` }), 'a field "content" that goes on and on'],
    ['a line of brackets', build({ 'space directions': '('.repeat(5e5) }), 'that goes on and on'],
    ['a line that does not end', build({ content: 'x'.repeat(2e6) }), 'ends within its NRRD header'],
    [
      'a number of a million digits',
      build({ encoding: 'text' }, text(`${'1'.repeat(1e6)}x`)),
      'which is no uint8',
    ],
    [
      'digits without an end',
      build({ encoding: 'text', type: 'float' }, text('1'.repeat(1e6))),
      'which is no float32',
    ],
  ])('%s', async (_, bytes, sentence) => {
    expect((await failure(decodeNrrd(bytes, 'scan.nrrd'))).message).toContain(sentence);
  });

  test('voxels that are not finite, unless they may be 0', async () => {
    const bytes = build(
      { encoding: 'text', type: 'float' },
      new TextEncoder().encode('1 nan -inf 4 5 6 7 1e60'),
    );
    const error = await failure(decodeNrrd(bytes, 'scan.nrrd'));
    expect(error.message).toContain('3 of its 8 voxels are NaN or infinite in float32.');
    const { volume, notFinite } = await decodeNrrd(bytes, 'scan.nrrd', { nan: 'zero' });
    expect([...volume.data]).toEqual([1, 0, 0, 4, 5, 6, 7, 0]);
    expect(notFinite).toBe(3);
  });

  test('a file of voxels that is cut off, by its own name', async () => {
    const bytes = build({ 'data file': 'a.raw' }, new Uint8Array(0));
    const companion = async (name: string) => {
      expect(name).toBe('a.raw');
      return Uint8Array.of(1, 2);
    };
    const error = await failure(decodeNrrd(bytes, 'scan.nhdr', { companion }));
    expect(error.message).toMatch(/^a\.raw \(voxels of scan\.nhdr\): The file ends after 2 of the 8 bytes/);
  });
});

describe('encodeNrrd', () => {
  test('gives back what it was given, in the same bytes each time', async () => {
    await fc.assert(
      fc.asyncProperty(anyVolume, async (volume) => {
        const bytes = await encodeNrrd(volume, { datatype: 'float32', description: 'one\nline' });
        expect(await encodeNrrd(volume, { datatype: 'float32', description: 'one\nline' })).toEqual(bytes);
        const again = await decodeNrrd(bytes, 'again');
        expect(again.volume).toMatchObject({ channels: volume.channels, shape: volume.shape });
        expect([...again.volume.data]).toEqual([...volume.data]);
        expect(again.volume.geometry.affine).toEqual(volume.geometry.affine);
        expect(again.notes).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  test('masks are bytes; what is none of 0…255 is refused', async () => {
    const mask = createVolume(Float32Array.of(0, 1, 255, 7), [1, 2, 2]);
    const again = await decodeNrrd(await encodeNrrd(mask, { datatype: 'uint8' }), 'mask');
    expect([...again.volume.data]).toEqual([0, 1, 255, 7]);
    const map = createVolume(Float32Array.of(0.5, 0, 0, 0), [1, 2, 2]);
    await expect(encodeNrrd(map, { datatype: 'uint8' })).rejects.toThrow(RangeError);
  });

  test('refuses a singular affine', async () => {
    const flat = createVolume(new Float32Array(8), [2, 2, 2], {
      geometry: { affine: new Array(16).fill(0) },
    });
    await expect(encodeNrrd(flat, { datatype: 'float32' })).rejects.toThrow(RangeError);
  });
});
