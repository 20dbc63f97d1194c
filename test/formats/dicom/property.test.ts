import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decodeFrame, frameCount } from '../../../src/formats/dicom/frames.ts';
import { type Dataset, readDicom } from '../../../src/formats/dicom/object.ts';
import { type DicomElements, type DicomValue, dicomDataSet, dicomFile } from '../../support/dicom.ts';

const PLAIN = ['1.2.840.10008.1.2', '1.2.840.10008.1.2.1', '1.2.840.10008.1.2.2'];
const syntax = fc.constantFrom(...PLAIN);

const images = fc
  .record({
    rows: fc.integer({ min: 1, max: 9 }),
    columns: fc.integer({ min: 1, max: 9 }),
    frames: fc.integer({ min: 1, max: 4 }),
    allocated: fc.constantFrom(8, 16, 32),
    signed: fc.boolean(),
    unused: fc.nat(15),
    below: fc.boolean(),
  })
  .chain((shape) => {
    const stored = Math.max(2, shape.allocated - shape.unused);
    const least = shape.signed ? -(2 ** (stored - 1)) : 0;
    const count = shape.rows * shape.columns * shape.frames;
    return fc.record({
      shape: fc.constant({ ...shape, stored }),
      values: fc.array(fc.integer({ min: least, max: least + 2 ** stored - 1 }), {
        minLength: count,
        maxLength: count,
      }),
      noise: fc.array(fc.nat(0xffff), { minLength: count, maxLength: count }),
    });
  });

test('stored values come back out of any cells, whatever lies in their unused bits', async () => {
  await fc.assert(
    fc.asyncProperty(images, syntax, async ({ shape, values, noise }, transferSyntax) => {
      const { rows, columns, frames, allocated, stored, signed, below } = shape;
      // Values lie at the bottom of their cells, or at the top.
      const shift = below ? allocated - stored : 0;
      const cells = values.map((value, i) => {
        const bits = BigInt.asUintN(stored, BigInt(value)) << BigInt(shift);
        const free = ((1n << BigInt(allocated)) - 1n) ^ (((1n << BigInt(stored)) - 1n) << BigInt(shift));
        return Number(bits | (BigInt(noise[i]) & free));
      });
      const pixels: DicomValue = allocated === 8 ? Uint8Array.from(cells) : cells;
      const object = await readDicom(
        dicomFile(
          {
            '00280008': { vr: 'IS', value: String(frames) },
            '00280010': { vr: 'US', value: [rows] },
            '00280011': { vr: 'US', value: [columns] },
            '00280100': { vr: 'US', value: [allocated] },
            '00280101': { vr: 'US', value: [stored] },
            '00280102': { vr: 'US', value: [stored + shift - 1] },
            '00280103': { vr: 'US', value: [signed ? 1 : 0] },
            '7fe00010': { vr: { 8: 'OB', 16: 'OW', 32: 'OL' }[allocated] ?? '', value: pixels },
          },
          { transferSyntax },
        ),
        'test.dcm',
      );
      expect(frameCount(object)).toBe(frames);
      const size = rows * columns;
      for (let index = 0; index < frames; index++) {
        const frame = await decodeFrame(object, index);
        expect([...frame.values]).toEqual(values.slice(index * size, (index + 1) * size));
      }
    }),
    { numRuns: 100 },
  );
});

test('single bits come back, whatever the size of frames', async () => {
  const bits = fc
    .record({
      rows: fc.integer({ min: 1, max: 7 }),
      columns: fc.integer({ min: 1, max: 7 }),
      frames: fc.integer({ min: 1, max: 5 }),
    })
    .chain((shape) => {
      const count = shape.rows * shape.columns * shape.frames;
      return fc.tuple(fc.constant(shape), fc.array(fc.nat(1), { minLength: count, maxLength: count }));
    });
  await fc.assert(
    fc.asyncProperty(bits, async ([{ rows, columns, frames }, values]) => {
      const bytes = new Uint8Array(Math.ceil(values.length / 8));
      values.forEach((bit, i) => {
        bytes[i >> 3] |= bit << (i & 7);
      });
      const object = await readDicom(
        dicomFile({
          '00280008': { vr: 'IS', value: String(frames) },
          '00280010': { vr: 'US', value: [rows] },
          '00280011': { vr: 'US', value: [columns] },
          '00280100': { vr: 'US', value: [1] },
          '00280101': { vr: 'US', value: [1] },
          '00280102': { vr: 'US', value: [0] },
          '00280103': { vr: 'US', value: [0] },
          '7fe00010': { vr: 'OB', value: bytes },
        }),
        'test.dcm',
      );
      const found: number[] = [];
      for (let index = 0; index < frames; index++) found.push(...(await decodeFrame(object, index)).values);
      expect(found).toEqual(values);
    }),
    { numRuns: 100 },
  );
});

/** Elements of known and of private tags, with sequences in sequences to a depth. */
function elementsTo(depth: number): fc.Arbitrary<DicomElements> {
  const some = <T>(value: fc.Arbitrary<T>) => fc.array(value, { minLength: 1, maxLength: 3 });
  const of = (vr: string, value: fc.Arbitrary<DicomValue>) => fc.record({ vr: fc.constant(vr), value });
  const sequence = () => of('SQ', fc.array(elementsTo(depth - 1), { maxLength: 2 }));
  return fc
    .record(
      {
        '00080060': of('CS', fc.stringMatching(/^[A-Z]{2}(\\[A-Z0-9]{1,4}){0,3}$/)),
        '00081030': of('LO', fc.stringMatching(/^[äöüé山a-z]{1,9}$/)),
        '00091001': of('LO', fc.stringMatching(/^[a-z ]{0,8}[a-z]$/)),
        '00181114': of('DS', some(fc.integer())),
        '00189087': of('FD', some(fc.double({ noNaN: true }))),
        '00280010': of('US', some(fc.nat(65535))),
        '00289503': of('SS', some(fc.integer({ min: -32768, max: 32767 }))),
        ...(depth > 0 ? { '00081140': sequence(), '52009229': sequence() } : {}),
      },
      { requiredKeys: [] },
    )
    .map((found) => found as DicomElements);
}

function expectElements(dataset: Dataset, written: DicomElements): void {
  for (const [tag, { vr, value }] of Object.entries(written)) {
    if (vr === 'SQ') {
      const items = dataset.sequence(tag);
      expect(items).toHaveLength((value as DicomElements[]).length);
      items.forEach((item, i) => {
        expectElements(item, (value as DicomElements[])[i]);
      });
    } else if (typeof value === 'string') {
      expect(dataset.strings(tag)).toEqual(value.split('\\').map((part) => part.trim()));
    } else {
      expect(dataset.numbers(tag)).toEqual(value);
    }
  }
}

test('elements come back out of every way to write them', async () => {
  await fc.assert(
    fc.asyncProperty(
      elementsTo(2),
      syntax,
      fc.boolean(),
      fc.boolean(),
      async (found, transferSyntax, undefinedLengths, deflated) => {
        const written: DicomElements = { ...found, '00080005': { vr: 'CS', value: 'ISO_IR 192' } };
        const plain = dicomFile(written, { transferSyntax, undefinedLengths });
        expectElements((await readDicom(plain, 'test.dcm')).dataset, written);
        if (!deflated) return;
        const packed = Buffer.concat([
          dicomFile({}, { transferSyntax: '1.2.840.10008.1.2.1.99' }),
          deflateRawSync(dicomDataSet(written, { undefinedLengths })),
        ]);
        expectElements((await readDicom(packed, 'test.dcm')).dataset, written);
      },
    ),
    { numRuns: 80 },
  );
});
