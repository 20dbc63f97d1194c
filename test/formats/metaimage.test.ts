import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { concatenate } from '../../src/formats/bytes.ts';
import { decodeMetaImage, encodeMetaImage, readMetaImageHeader } from '../../src/formats/metaimage.ts';
import { createVolume } from '../../src/volume/volume.ts';
import { failure, inPieces } from './build.ts';
import { anyVolume } from './volumes.ts';

const EIGHT = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

/** A .mha file of 2×2×2 bytes, 1…8, with values in place of the usual ones; undefined leaves one out. */
function build(values: Record<string, string | undefined> = {}, data = EIGHT) {
  const all: Record<string, string | undefined> = {
    ObjectType: 'Image',
    NDims: '3',
    TransformMatrix: '0 1 0 1 0 0 0 0 1',
    Offset: '4 5 6',
    ElementSpacing: '1 2 3',
    DimSize: '2 2 2',
    ElementType: 'MET_UCHAR',
    ElementDataFile: 'LOCAL',
    ...values,
  };
  const lines = Object.entries(all)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => Number(a === 'ElementDataFile') - Number(b === 'ElementDataFile'))
    .map(([key, value]) => `${key} = ${value}\n`);
  return concatenate([new TextEncoder().encode(lines.join('')), data]);
}

test('the matrix holds one direction after the other; x and y change their signs', async () => {
  const { volume, notes } = await decodeMetaImage(build(), 'scan.mha');
  expect([...volume.data]).toEqual([...EIGHT]);
  // One step along the file's first axis goes 1 mm along the world's y.
  expect(volume.geometry.affine).toEqual([0, -2, 0, -4, -1, 0, 0, -5, 0, 0, 3, 6, 0, 0, 0, 1]);
  expect(notes).toEqual([]);
});

test('what is said of the anatomy, of comments and of windows is left alone', async () => {
  const { volume } = await decodeMetaImage(build(), 'scan.mha');
  const chatty = build({
    Comment: 'a = b',
    AnatomicalOrientation: 'RAI',
    CenterOfRotation: '1 2 3',
    ElementMax: '9',
  });
  expect((await decodeMetaImage(chatty, 'scan.mha')).volume).toEqual(volume);
});

test('channels that lie side by side are told apart', async () => {
  const { volume } = await decodeMetaImage(
    build({ ElementNumberOfChannels: '2', DimSize: '2 2 1' }),
    'scan.mha',
  );
  expect(volume).toMatchObject({ channels: 2, shape: [1, 2, 2] });
  expect([...volume.data]).toEqual([1, 3, 5, 7, 2, 4, 6, 8]);
});

test('the header alone is read without a byte more', async () => {
  const { state, source } = inPieces(build(), 16);
  expect(await readMetaImageHeader(source, 'scan.mha')).toMatchObject({
    format: 'MetaImage',
    datatype: 'uint8',
    encoding: 'raw',
    shape: [2, 2, 2],
    channels: 1,
  });
  expect(state.closed).toBe(true);
});

test('a file of voxels is asked for by the name in the header', async () => {
  const asked: string[] = [];
  const companion = async (name: string) => {
    asked.push(name);
    return concatenate([new Uint8Array(4), EIGHT]);
  };
  const header = build({ ElementDataFile: 'folder/scan of 1.raw', HeaderSize: '4' }, new Uint8Array(0));
  const { volume } = await decodeMetaImage(header, 'scan.mhd', { companion });
  expect([...volume.data]).toEqual([...EIGHT]);
  expect(asked).toEqual(['folder/scan of 1.raw']);
});

describe('what cannot become a volume is refused', () => {
  const text = (words: string) => new TextEncoder().encode(words);
  test.each([
    ['a cut header', build().subarray(0, 80), 'ends within its MetaImage header, or the header is damaged'],
    [
      'a line without a value',
      text('NDims = 3\nwhat\n'),
      'a line in its MetaImage header that is not "Key = value"',
    ],
    ['a key twice', text('NDims = 3\nNDims = 3\n'), 'gives NDims twice'],
    ['an origin under two names', build({ Position: '0 0 0' }), 'gives Offset twice'],
    ['another object', build({ ObjectType: 'Mesh' }), 'a MetaIO file of the type "Mesh", not an image'],
    ['two axes', build({ NDims: '2', DimSize: '4 2' }), 'It has 2 axes; a volume has three, or a fourth one'],
    ['no axes', build({ NDims: undefined }), 'does not give NDims'],
    ['no lengths', build({ DimSize: undefined }), 'does not give DimSize'],
    ['a length of 0', build({ DimSize: '2 0 2' }), 'Its DimSize is "2 0 2", which cannot be read here'],
    ['too few lengths', build({ DimSize: '2 2' }), 'Its DimSize is "2 2"'],
    ['lengths beyond all bounds', build({ DimSize: '99999 99999 99999' }), 'would take'],
    ['no type', build({ ElementType: undefined }), 'does not give ElementType'],
    ['a type that is no number', build({ ElementType: 'MET_STRING' }), 'Its ElementType is "MET_STRING"'],
    ['a type of Object', build({ ElementType: 'constructor' }), 'Its ElementType is "constructor"'],
    ['64-bit integers', build({ ElementType: 'MET_LONG_LONG' }), 'int64, which float32 cannot hold exactly'],
    ['a spacing of 0', build({ ElementSpacing: '1 0 1' }), 'Its ElementSpacing is "1 0 1"'],
    ['a negative spacing', build({ ElementSpacing: '1 -1 1' }), 'Its ElementSpacing is "1 -1 1"'],
    ['a singular matrix', build({ TransformMatrix: '1 0 0 1 0 0 0 0 1' }), 'Its affine is singular'],
    ['a matrix of eight', build({ TransformMatrix: '1 0 0 0 1 0 0 0' }), 'Its TransformMatrix is'],
    ['words for an offset', build({ Offset: 'here and there' }), 'Its Offset is "here and there"'],
    ['a flag that is none', build({ BinaryData: 'perhaps' }), 'Its BinaryData is "perhaps"'],
    ['packed text', build({ BinaryData: 'False', CompressedData: 'True' }), 'text and packed at once'],
    ['packed data that are none', build({ CompressedData: 'True' }), 'The compressed data are damaged'],
    [
      'packed data that are missing',
      build({ CompressedData: 'True' }, new Uint8Array(0)),
      'has a header but no voxels',
    ],
    ['a header of -2 bytes', build({ HeaderSize: '-2' }), 'Its HeaderSize is "-2"'],
    [
      'a header of -1 in packed data',
      build({ HeaderSize: '-1', CompressedData: 'True' }),
      'HeaderSize of -1',
    ],
    ['cut voxels', build({}, Uint8Array.of(1, 2, 3)), 'ends after 3 of the 8 bytes of voxels'],
    [
      'channels and a fourth axis',
      build({ NDims: '4', DimSize: '2 2 1 2', ElementNumberOfChannels: '2' }),
      'a fourth axis of 2',
    ],
    [
      'a fourth axis mixed with space',
      build({
        NDims: '4',
        DimSize: '2 2 1 2',
        ElementSpacing: '1 1 1 1',
        Offset: '0 0 0 0',
        TransformMatrix: '1 0 0 1 0 1 0 0 0 0 1 0 0 0 0 1',
      }),
      'mixes the axis of channels',
    ],
    ['intensities', build({ ElementToIntensityFunctionSlope: '2' }), 'scaled by 2 and shifted by 0'],
    ['voxels in another file', build({ ElementDataFile: 'a.raw' }), 'Its voxels are in another file, a.raw.'],
    ['a list of files', build({ ElementDataFile: 'LIST' }), 'spread over several files'],
    ['a pattern of files', build({ ElementDataFile: 'a%03d.raw 1 2 1' }), 'spread over several files'],
    // It takes for ever where someone looks at every part of it anew.
    ['a line of blanks', build({ Offset: `${' '.repeat(6e4)}x` }), 'Its Offset is "x"'],
    ['a line that does not end', build({ Comment: 'x'.repeat(1e6) }), 'ends within its MetaImage header'],
  ])('%s', async (_, bytes, sentence) => {
    const error = await failure(decodeMetaImage(bytes, 'scan.mha'));
    expect(error).toMatchObject({ name: 'VolumeError', message: expect.stringContaining(sentence) });
    expect(error.message).toMatch(/\.$/);
  });
});

describe('encodeMetaImage', () => {
  test('gives back what it was given, in the same bytes each time', async () => {
    await fc.assert(
      fc.asyncProperty(anyVolume, async (volume) => {
        const bytes = await encodeMetaImage(volume, { datatype: 'float32', description: 'one\nline' });
        expect(await encodeMetaImage(volume, { datatype: 'float32', description: 'one\nline' })).toEqual(
          bytes,
        );
        const again = await decodeMetaImage(bytes, 'again');
        expect(again.volume).toMatchObject({ channels: volume.channels, shape: volume.shape });
        expect([...again.volume.data]).toEqual([...volume.data]);
        // Directions and spacings say the affine, rounded once.
        const scale = Math.max(...volume.geometry.affine.map(Math.abs));
        again.volume.geometry.affine.forEach((value, i) => {
          expect(Math.abs(value - volume.geometry.affine[i])).toBeLessThanOrEqual(1e-15 * scale);
        });
      }),
      { numRuns: 60 },
    );
  });

  test('masks are bytes; what is none of 0…255 is refused', async () => {
    const mask = createVolume(Float32Array.of(0, 1, 255, 7), [1, 2, 2]);
    const again = await decodeMetaImage(await encodeMetaImage(mask, { datatype: 'uint8' }), 'mask');
    expect([...again.volume.data]).toEqual([0, 1, 255, 7]);
    const map = createVolume(Float32Array.of(0.5, 0, 0, 0), [1, 2, 2]);
    await expect(encodeMetaImage(map, { datatype: 'uint8' })).rejects.toThrow(RangeError);
  });

  test('refuses a singular affine', async () => {
    const flat = createVolume(new Float32Array(8), [2, 2, 2], {
      geometry: { affine: new Array(16).fill(0) },
    });
    await expect(encodeMetaImage(flat, { datatype: 'float32' })).rejects.toThrow(RangeError);
  });
});
