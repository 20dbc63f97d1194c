import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, test } from 'vitest';
import { openSources } from '../../../src/app/desk/opening.ts';
import { openTruth } from '../../../src/app/desk/truth.ts';
import type { Source } from '../../../src/app/protocol.ts';
import type { ComponentRuns } from '../../../src/evaluation/components.ts';
import { reorientVolume } from '../../../src/volume/reorient.ts';
import { createVolume, type Geometry, type Shape, type Volume } from '../../../src/volume/volume.ts';
import {
  bytesSource,
  FIXTURES,
  fixtureFolder,
  fixtureSource,
  niftiSource,
} from '../../support/app-sources.ts';
import { structureSet, writeSeries } from '../../support/dicom-files.ts';
import { oddPlacement, placed } from '../../support/volumes.ts';

const folder = mkdtempSync(join(tmpdir(), 'tonno-truth-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** Marked voxels, in order. */
function voxels({ starts, ends }: ComponentRuns): number[] {
  return [...starts].flatMap((start, run) => Array.from({ length: ends[run] - start }, (_, i) => start + i));
}

async function seriesOf(sources: readonly Source[]) {
  const opened = await openSources(sources);
  if (opened.kind === 'choose') throw new Error('There are several series.');
  return opened;
}

describe('a mask', () => {
  const shape: Shape = [2, 3, 4];
  const geometry: Geometry = placed(oddPlacement);
  const grid: Volume = { ...createVolume(new Float32Array(24), shape, { geometry }), name: 'scan.nii' };
  const marked = [1, 7, 8, 23];
  const mask = createVolume(
    Float32Array.from({ length: 24 }, (_, i) => (marked.includes(i) ? (i === 7 ? -1 : 3) : 0)),
    shape,
    { geometry },
  );

  it('marks what is not 0', async () => {
    expect(voxels(await openTruth([await niftiSource('mask.nii.gz', mask)], grid, undefined))).toEqual(
      marked,
    );
  });

  it('is turned onto the axes of the case', async () => {
    // x and z change places and y runs the other way.
    const a = geometry.affine;
    const turned = {
      shape: [4, 3, 2] as Shape,
      geometry: {
        affine: [0, 1, 2]
          .flatMap((r) => [a[4 * r + 2], -a[4 * r + 1], a[4 * r], a[4 * r + 3] + 2 * a[4 * r + 1]])
          .concat(0, 0, 0, 1),
      },
    };
    const other = reorientVolume(mask, turned);
    expect(other.shape).toEqual([4, 3, 2]);
    expect([...other.data]).not.toEqual([...mask.data]);
    expect(voxels(await openTruth([await niftiSource('mask.nii', other)], grid, undefined))).toEqual(marked);
  });

  it('is refused where it lies somewhere else, has another size, or several channels', async () => {
    const moved = {
      ...mask,
      geometry: { affine: mask.geometry.affine.map((v, i) => (i === 3 ? v + 1 : v)) },
    };
    await expect(openTruth([await niftiSource('m.nii', moved)], grid, undefined)).rejects.toThrow(
      /m\.nii: Its voxels lie up to 1\.0 mm from those of scan\.nii.*Resample it/,
    );
    await expect(openTruth([fixtureSource('nifti/sheared.nii')], grid, undefined)).rejects.toThrow(
      'sheared.nii: It has 6 × 5 × 4 voxels, and scan.nii has 2 × 3 × 4.',
    );
    await expect(openTruth([fixtureSource('nifti/channels-4d.nii.gz')], grid, undefined)).rejects.toThrow(
      /3 channels; a mask is one channel/,
    );
    await expect(openTruth([bytesSource('notes.txt', 'words')], grid, undefined)).rejects.toThrow(
      /not a volume/,
    );
  });
});

describe('a DICOM Segmentation', () => {
  const golden = JSON.parse(readFileSync(`${FIXTURES}dicom-seg/highdicom.json`, 'utf8'));
  const union = (...lists: number[][]) => [...new Set(lists.flat())].sort((a, b) => a - b);

  test.each([
    ['binary', union(golden.bright, golden.thirds)],
    ['labelmap', union(golden['labelmap bright'], golden['labelmap thirds'])],
    ['fractional', golden.parts.flatMap((part: number, i: number) => (part >= 0.5 ? [i] : []))],
  ])('of highdicom (%s) comes onto the series that is open', async (kind, expected) => {
    const { volume, source } = await seriesOf(fixtureFolder('dicom-seg/coronal'));
    const truth = await openTruth([fixtureSource(`dicom-seg/highdicom-${kind}.dcm`)], volume, source);
    expect(voxels(truth)).toEqual(expected);
  });

  it('is refused by another series, and where none is open', async () => {
    const seg = [fixtureSource('dicom-seg/highdicom-binary.dcm')];
    const { volume, source } = await seriesOf(fixtureFolder('dicom-seg/axial'));
    await expect(openTruth(seg, volume, source)).rejects.toThrow(/frame of reference/i);
    await expect(openTruth(seg, volume, undefined)).rejects.toThrow(
      /This is a DICOM Segmentation, which belongs to the DICOM series that it was drawn on, and none is open\. Open that series/,
    );
  });
});

describe('contours', () => {
  const path = writeSeries(join(folder, 'series'));
  const files = readdirSync(path).map((name) =>
    bytesSource(`series/${name}`, readFileSync(join(path, name))),
  );
  // Corners between pixels: columns 1 and 2 of rows 0 and 1.
  const corners = [
    [0.5, -0.5],
    [2.5, -0.5],
    [2.5, 1.5],
    [0.5, 1.5],
  ] as const;

  it('are filled on the series that is open', async () => {
    const { volume, source } = await seriesOf(files);
    const structure = bytesSource('rt.dcm', structureSet({ tumour: { plane: 2, corners } }));
    expect(volume.shape).toEqual([4, 3, 4]);
    expect(voxels(await openTruth([structure], volume, source))).toEqual([25, 26, 29, 30]);
    await expect(openTruth([structure], volume, undefined)).rejects.toThrow(
      /an RT Structure Set, which belongs/,
    );
  });

  it('of several regions are not one truth', async () => {
    const { volume, source } = await seriesOf(files);
    const regions = { tumour: { plane: 2, corners }, liver: { plane: 1, corners } };
    await expect(openTruth([bytesSource('rt.dcm', structureSet(regions))], volume, source)).rejects.toThrow(
      /2 regions of interest with closed contours: "tumour", "liver"\. Make a mask file of the one that is meant: .*--roi/,
    );
  });
});
