/** Damaged files are read or refused, quickly and without much memory: see test/support/mutations.ts. */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeNifti } from '../../src/formats/nifti.ts';
import { decodeVolume } from '../../src/formats/volume-file.ts';
import { survives } from '../support/mutations.ts';
import { buildNifti } from './build.ts';

/** Milliseconds that a test may take with ten thousand mutations. */
const LIMIT = 3_600_000;
/** Where a test process has decoded nothing large, it is nowhere near. */
const MOST_MEMORY = 2 ** 30;

const GZIP = 'NIfTI-1, damage to gzip';
const fixture = (name: string) => readFileSync(new URL(`../fixtures/formats/${name}`, import.meta.url));
const nifti = buildNifti({ type: 'int16', lengths: [7, 6, 5, 2] });
const nifti2 = buildNifti({ version: 2, little: false, type: 'float32', lengths: [5, 4, 3] });
const companion = async () => fixture('detached.raw.gz');

describe('mutated files become volumes or sentences', () => {
  test.each([
    ['NIfTI-1', nifti, {}],
    ['NIfTI-1 in gzip', nifti, { pack: gzipSync }],
    [GZIP, gzipSync(nifti), {}],
    ['NIfTI-2', nifti2, {}],
    ['NRRD raw', fixture('channels-axis-1.nrrd'), {}],
    ['NRRD gzip', fixture('int16.nrrd'), {}],
    ['NRRD text', fixture('text.nrrd'), {}],
    ['NRRD hex', fixture('hex.nrrd'), {}],
    ['NRRD header', fixture('detached.nhdr'), {}],
    ['MetaImage raw', fixture('big.mha'), {}],
    ['MetaImage zlib', fixture('channels.mha'), {}],
    ['MetaImage text', fixture('text.mha'), {}],
    ['npy', fixture('channels.npy'), {}],
    ['npy in Fortran order', fixture('fortran.npy'), {}],
  ])(
    '%s',
    async (name, bytes, options) => {
      const { volumes, refusals, longest, peakMemory } = await survives(
        async (mutated) => (await decodeVolume(mutated, 'mutated', { companion })).volume,
        bytes,
        options,
      );
      if (process.env.TONNO_FUZZ) {
        const memory = Math.round(peakMemory / 2 ** 20);
        console.log(
          `${name}: ${volumes} read, ${refusals} refused, at most ${longest.toFixed(1)} ms, ${memory} MiB`,
        );
      }
      expect(refusals).toBeGreaterThan(0);
      // Its checksum finds all damage to gzip, but for that to a header of no interest.
      if (name !== GZIP) expect(volumes).toBeGreaterThan(0);
      expect(peakMemory).toBeLessThan(MOST_MEMORY);
    },
    LIMIT,
  );

  test(
    'NIfTI through its own decoder',
    async () => {
      const { refusals } = await survives(
        async (mutated) => (await decodeNifti(mutated, 'mutated')).volume,
        nifti,
        { seed: 2 },
      );
      expect(refusals).toBeGreaterThan(0);
    },
    LIMIT,
  );
});
