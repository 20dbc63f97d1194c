import { readFile } from 'node:fs/promises';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { readDicom } from '../../../src/formats/dicom/object.ts';
import { dicomFile } from '../../support/dicom.ts';
import { MUTATIONS, surviveMutations } from '../../support/dicom-mutations.ts';

const FIXTURES = new URL('../../fixtures/dicom/', import.meta.url);

/** One file of each kind. */
const FILES = [
  'explicit.dcm',
  'implicit.dcm',
  'big-endian.dcm',
  'no-preamble.dcm',
  'deflated.dcm',
  'packed.dcm.gz',
  'bits.dcm',
  'float.dcm',
  'rle-16.dcm',
  'jpeg-lossless.dcm',
  'jpeg-lossless-4of7.dcm',
  'jpeg-lossless-restart.dcm',
  'jpeg-ls-8.dcm',
  'jpeg-ls-signed.dcm',
  'jpeg-ls-near.dcm',
  'jpeg-2000.dcm',
  'jpeg-2000-lossy.dcm',
  'fragments-table.dcm',
];

/** Files whose codestreams are damaged by themselves, in a data set that is whole. */
const CODESTREAMS = [
  'rle-8.dcm',
  'jpeg-lossless.dcm',
  'jpeg-lossless-4of7.dcm',
  'jpeg-lossless-restart.dcm',
  'jpeg-ls-8.dcm',
  'jpeg-ls-near.dcm',
  'jpeg-ls-runs.dcm',
  'jpeg-2000-16.dcm',
  'jpeg-2000-lossy.dcm',
];

const HOURS = 24 * 3600_000;

function report(name: string, outcome: object): void {
  // Only someone who asked for many wants to know.
  if (process.env.TONNO_FUZZ) {
    console.log(name, { ...outcome, peakMiB: Math.round(process.resourceUsage().maxRSS / 1024) });
  }
}

test.each(FILES)(`${MUTATIONS} mutations of %s are read or refused`, { timeout: HOURS }, async (name) => {
  const outcome = await surviveMutations(await readFile(new URL(name, FIXTURES)));
  report(name, outcome);
  expect(outcome.read + outcome.refused).toBe(MUTATIONS);
});

test(`${MUTATIONS} mutations inside gzip are read or refused`, { timeout: HOURS }, async () => {
  const bytes = await readFile(new URL('explicit.dcm', FIXTURES));
  const outcome = await surviveMutations(bytes, { pack: (mutated) => gzipSync(mutated, { level: 1 }) });
  report('inside gzip', outcome);
  expect(outcome.read + outcome.refused).toBe(MUTATIONS);
});

test(`${MUTATIONS} mutations inside a deflated data set are read or refused`, {
  timeout: HOURS,
}, async () => {
  const file = await readFile(new URL('deflated.dcm', FIXTURES));
  const plain = await readFile(new URL('explicit.dcm', FIXTURES));
  // Behind preamble, mark, group length and as many bytes as that says.
  const end = (bytes: Buffer) => 132 + 12 + bytes.readUInt32LE(140);
  const head = file.subarray(0, end(file));
  const outcome = await surviveMutations(plain.subarray(end(plain)), {
    pack: (mutated) => Buffer.concat([head, deflateRawSync(mutated, { level: 1 })]),
  });
  report('inside deflate', outcome);
  expect(outcome.read + outcome.refused).toBe(MUTATIONS);
});

test.each(CODESTREAMS)(`${MUTATIONS} mutations of the codestream in %s are read or refused`, {
  timeout: HOURS,
}, async (name) => {
  const { dataset, transferSyntax } = await readDicom(await readFile(new URL(name, FIXTURES)), name);
  const integer = (tag: string) => ({ vr: 'US', value: dataset.numbers(tag) });
  const description = Object.fromEntries(
    ['00280002', '00280010', '00280011', '00280100', '00280101', '00280102', '00280103'].map((tag) => [
      tag,
      integer(tag),
    ]),
  );
  // An empty table of offsets, and the fragment of the only frame.
  const value = dataset.bytes('7fe00010')!;
  const table = 8 + Buffer.from(value).readUInt32LE(4);
  const stream = value.subarray(table + 8, table + 8 + Buffer.from(value).readUInt32LE(table + 4));
  const outcome = await surviveMutations(stream, {
    pack: (mutated) =>
      dicomFile(
        { ...description, '7fe00010': { vr: 'OB', value: [new Uint8Array(0), mutated] } },
        { transferSyntax },
      ),
  });
  report(`codestream of ${name}`, outcome);
  expect(outcome.read + outcome.refused).toBe(MUTATIONS);
});
