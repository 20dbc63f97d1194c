import { createReadStream } from 'node:fs';
import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ByteReader, type ByteSource, concatenate, gzip, swapBytes } from '../../src/formats/bytes.ts';
import { failure, inPieces } from './build.ts';

/** Bytes that do not compress, the same every time. */
function noise(length: number): Uint8Array {
  let state = 1;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 24;
  });
}

async function readAll(source: ByteSource, size: number): Promise<Uint8Array> {
  const reader = await ByteReader.open(source, 'some file');
  const target = new Uint8Array(size);
  const length = await reader.readInto(target);
  await reader.close();
  return target.subarray(0, length);
}

describe('ByteReader', () => {
  test('gives back what went in, however it was cut and whether or not it was packed', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 500 }),
        fc.integer({ min: 1, max: 50 }),
        fc.boolean(),
        fc.integer({ min: 0, max: 100 }),
        async (bytes, piece, packed, skipped) => {
          // Bytes that look like gzip themselves would be unpacked.
          fc.pre(packed || bytes[0] !== 0x1f);
          const { source } = inPieces(packed ? gzipSync(bytes) : bytes, piece);
          const reader = await ByteReader.open(source, 'some file');
          expect(await reader.skip(skipped)).toBe(Math.min(skipped, bytes.length));
          const target = new Uint8Array(600);
          const length = await reader.readInto(target);
          expect(target.subarray(0, length)).toEqual(bytes.subarray(skipped));
          expect(reader.compressed).toBe(packed);
          await reader.close();
        },
      ),
      { numRuns: 60 },
    );
  });

  test('reads an array, a web stream, a Node stream and any async iterable', async () => {
    const bytes = noise(40_000);
    const stream = () => new Blob([bytes as BlobPart]).stream() as ReadableStream<Uint8Array>;
    const packed = stream().pipeThrough(new CompressionStream('gzip') as GenericTransformStream);
    for (const source of [bytes, stream(), inPieces(bytes, 1000).source, packed]) {
      expect(Buffer.from(bytes).equals(await readAll(source, 80_000))).toBe(true);
    }
    expect((await readAll(createReadStream(import.meta.filename), 10)).length).toBe(10);
  });

  test('reads a web stream that is no async iterable', async () => {
    const stream = new Blob([noise(100) as BlobPart]).stream();
    Object.defineProperty(stream, Symbol.asyncIterator, { value: undefined });
    expect(await readAll(stream, 100)).toEqual(noise(100));
  });

  test.each([
    ['plain', noise(400_000)],
    ['packed', gzipSync(noise(400_000))],
  ])('pulls little more of a %s source than is read, and closes it', async (_, bytes) => {
    const { source, state } = inPieces(bytes, 4096);
    const reader = await ByteReader.open(source, 'some file');
    expect(await reader.readInto(new Uint8Array(348))).toBe(348);
    await reader.close();
    expect(state).toEqual({ pulled: expect.any(Number), closed: true });
    // Node 20 buffers 16 KiB in front of its decompressor, later ones 64 KiB.
    expect(state.pulled).toBeLessThan(24);
  });

  test('cancels a web stream when it is closed early', async () => {
    let cancelled = false;
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(noise(100)),
      cancel: () => {
        cancelled = true;
      },
    });
    const reader = await ByteReader.open(stream, 'some file');
    await reader.readInto(new Uint8Array(10));
    await reader.close();
    expect(cancelled).toBe(true);
  });

  test('refuses packed data that are cut off, anywhere', async () => {
    const packed = gzipSync(noise(50_000));
    for (const length of [2, 9, 15, 20_000, packed.length - 8, packed.length - 1]) {
      const error = await failure(readAll(packed.subarray(0, length), 60_000));
      expect(error).toMatchObject({ name: 'VolumeError', subject: 'some file' });
      expect(error.message).toMatch(
        /^some file: The compressed data stop before their end, after unpacking to \d+ bytes\. The file was cut off/,
      );
    }
  });

  test('refuses packed data with a bad checksum, and what is no gzip after all', async () => {
    const packed = gzipSync(noise(50_000));
    packed[packed.length - 6] ^= 1;
    const damaged =
      /^some file: The compressed data are damaged \(.+\), after unpacking to \d+ bytes\. Copy or download/;
    expect((await failure(readAll(packed, 60_000))).message).toMatch(damaged);
    expect((await failure(readAll(new Uint8Array([0x1f, 0x8b, 77, 77, 77]), 60_000))).message).toMatch(
      damaged,
    );
  });

  test('closes the source when the data fail', async () => {
    const packed = gzipSync(noise(300_000));
    packed[150_000] ^= 255;
    packed[packed.length - 6] ^= 1;
    const { source, state } = inPieces(packed, 1000);
    const reader = await ByteReader.open(source, 'some file');
    await failure(reader.readInto(new Uint8Array(400_000)));
    await reader.close();
    expect(state.closed).toBe(true);
  });

  test.each([[false], [true]])('lets the error of a source through (packed: %s)', async (packed) => {
    const bytes = packed ? gzipSync(noise(5000)) : noise(5000);
    async function* broken() {
      yield bytes.subarray(0, 2000);
      throw new Error('The disk is gone.');
    }
    expect(await failure(readAll(broken(), 5000))).toMatchObject({
      name: 'Error',
      message: 'The disk is gone.',
    });
  });

  test('stops at a signal', async () => {
    const controller = new AbortController();
    const { source, state } = inPieces(noise(5000), 100);
    const reader = await ByteReader.open(source, 'some file', controller.signal);
    await reader.readInto(new Uint8Array(150));
    controller.abort(new Error('Enough.'));
    expect((await failure(reader.readInto(new Uint8Array(150)))).message).toBe('Enough.');
    await reader.close();
    expect(state.closed).toBe(true);
  });

  test('passes over 128 MiB of packed zeros without keeping it', async () => {
    const { source } = inPieces(gzipSync(new Uint8Array(2 ** 27)), 1 << 14);
    const reader = await ByteReader.open(source, 'some file');
    const before = process.memoryUsage().rss;
    expect(await reader.skip(2 ** 27)).toBe(2 ** 27);
    expect(process.memoryUsage().rss - before).toBeLessThan(150e6);
    await reader.close();
  });
});

describe('gzip', () => {
  test('packs what gunzip unpacks, with no time in it', async () => {
    const parts = [noise(3), noise(0), noise(2_500_000)];
    const packed = await gzip(parts);
    expect(gunzipSync(packed).equals(concatenate(parts))).toBe(true);
    expect([...packed.subarray(4, 8)]).toEqual([0, 0, 0, 0]);
    expect(Buffer.from(packed).equals(await gzip(parts))).toBe(true);
  });
});

test('swapBytes turns big-endian elements into little-endian ones', () => {
  const bytes = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
  swapBytes(bytes, 2);
  expect([...bytes]).toEqual([2, 1, 4, 3, 6, 5, 8, 7]);
  swapBytes(bytes, 8);
  expect([...bytes]).toEqual([7, 8, 5, 6, 3, 4, 1, 2]);
  swapBytes(bytes, 1);
  expect([...bytes]).toEqual([7, 8, 5, 6, 3, 4, 1, 2]);
});
