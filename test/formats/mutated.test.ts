/** Damaged files are read or refused, quickly: see test/support/mutations.ts. */
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeNifti } from '../../src/formats/nifti.ts';
import { survives } from '../support/mutations.ts';
import { buildNifti } from './build.ts';

const LIMIT = 3_600_000;

describe('mutated files become volumes or sentences', () => {
  const nifti = buildNifti({ type: 'int16', lengths: [7, 6, 5, 2] });
  const decode = async (bytes: Uint8Array) => (await decodeNifti(bytes, 'mutated')).volume;

  test.each([
    ['NIfTI', nifti, {}],
    ['NIfTI in gzip', nifti, { pack: gzipSync }],
    ['gzip of NIfTI', gzipSync(nifti), {}],
  ])(
    '%s',
    async (_, bytes, options) => {
      const { volumes, refusals } = await survives(decode, bytes, options);
      expect(refusals).toBeGreaterThan(0);
      expect(volumes + refusals).toBeGreaterThan(0);
    },
    LIMIT,
  );
});
