import { expect, test } from 'vitest';
import { HeapCodec, type HeapDecoder } from '../../../src/formats/dicom/codecs/emscripten.ts';

/** Modules that count themselves; a decoder fails on an empty codestream and spoils its module with that. */
function fakes() {
  const made: { HEAPU8: Uint8Array; spoilt: boolean; alive: number }[] = [];
  const factory = async (options: object) => {
    // As Emscripten does: the options become the module.
    if ('made' in options) throw new Error('made twice of the same options');
    Object.assign(options, { made: true });
    const module = { HEAPU8: new Uint8Array(8), spoilt: false, alive: 0 };
    made.push(module);
    return module;
  };
  const decoderOf = (module: (typeof made)[number]): HeapDecoder => {
    if (module.spoilt) throw new Error('a spoilt module was used');
    module.alive++;
    let encoded = new Uint8Array(0);
    return {
      getEncodedBuffer: (length) => {
        encoded = new Uint8Array(length);
        return encoded;
      },
      decode: () => {
        if (encoded.length > 0) return;
        module.spoilt = true;
        // As C++ does it in JavaScript.
        throw 271568;
      },
      getDecodedBuffer: () => encoded,
      getFrameInfo: () => ({ width: 1, height: 1, bitsPerSample: 8, componentCount: 1 }),
      delete: () => {
        module.alive--;
      },
    };
  };
  return { made, codec: new HeapCodec(factory, decoderOf) };
}

const read = (decoder: HeapDecoder) => [...decoder.getDecodedBuffer()];

test('one module decodes one codestream after another, and keeps none of them', async () => {
  const { made, codec } = fakes();
  expect(await codec.decode(Uint8Array.of(1, 2), read)).toEqual([1, 2]);
  expect(await codec.decode(Uint8Array.of(3), read)).toEqual([3]);
  expect(made).toHaveLength(1);
  expect(made[0].alive).toBe(0);
});

test('a module that has failed, or whose reader has, is not used again', async () => {
  const { made, codec } = fakes();
  await expect(codec.decode(new Uint8Array(0), read)).rejects.toBe(271568);
  expect(await codec.decode(Uint8Array.of(4), read)).toEqual([4]);
  expect(made).toHaveLength(2);
  const failing = codec.decode(Uint8Array.of(4), () => {
    throw new Error('of the wrong size');
  });
  await expect(failing).rejects.toThrow('of the wrong size');
  expect(await codec.decode(Uint8Array.of(5), read)).toEqual([5]);
  expect(made).toHaveLength(3);
});

test('a module that has grown large is given up', async () => {
  const { made, codec } = fakes();
  await codec.decode(Uint8Array.of(1), read);
  made[0].HEAPU8 = { length: 2 ** 28 } as Uint8Array;
  await codec.decode(Uint8Array.of(1), read);
  await codec.decode(Uint8Array.of(1), read);
  expect(made).toHaveLength(2);
});
