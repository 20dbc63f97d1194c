import { existsSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { TonnoError, VolumeError } from '../../../src/errors.ts';
import { readDicom } from '../../../src/formats/dicom/object.ts';
import { type ContourStructure, contourMask, readContours } from '../../../src/formats/dicom/rtstruct.ts';
import { decodeNifti } from '../../../src/formats/nifti.ts';
import { mapPoint } from '../../../src/volume/affine.ts';
import { reorientVolume } from '../../../src/volume/reorient.ts';
import { type Geometry, type Shape, voxelCount } from '../../../src/volume/volume.ts';
import { type DicomElements, dicomFile } from '../../support/dicom.ts';
import { madeSeries, randomSource, seriesIn } from './segmentation-sources.ts';
import { decimals, items, text } from './slices.ts';

interface Drawn {
  readonly type?: string;
  readonly points: readonly number[];
  readonly count?: number;
  readonly sop?: string;
}

interface Region {
  readonly name: string;
  readonly number?: number;
  readonly contours: readonly Drawn[];
}

/** Elements of a structure set. */
function structureElements(regions: readonly Region[]): DicomElements {
  const numbered = regions.map((region, i) => ({ number: i + 1, ...region }));
  return {
    '00080005': text('ISO_IR 192', 'CS'),
    '00080016': text('1.2.840.10008.5.1.4.1.1.481.3', 'UI'),
    '00080060': text('RTSTRUCT', 'CS'),
    '30060020': items(
      ...numbered.map(({ name, number }) => ({
        '30060022': text(String(number), 'IS'),
        '30060024': text('1.2.9', 'UI'),
        '30060026': text(name),
      })),
    ),
    '30060039': items(
      ...numbered.map(({ number, contours }) => ({
        '30060084': text(String(number), 'IS'),
        '30060040': items(
          ...contours.map(({ type = 'CLOSED_PLANAR', points, count = points.length / 3, sop }) => ({
            ...(sop && { '30060016': items({ '00081155': text(sop, 'UI') }) }),
            '30060042': text(type, 'CS'),
            '30060046': text(String(count), 'IS'),
            '30060050': decimals(...points),
          })),
        ),
      })),
    ),
  };
}

async function structure(regions: readonly Region[]): Promise<ContourStructure> {
  return readContours(await readDicom(dicomFile(structureElements(regions)), 'rs.dcm'));
}

/** 4 planes 3 mm apart of 6 rows × 8 columns, 1 mm × 2 mm; DICOM's first pixel at (10, 20, 30). */
const shape: Shape = [4, 6, 8];
const geometry: Geometry = { affine: [-2, 0, 0, -10, 0, -1, 0, -20, 0, 0, 3, 30, 0, 0, 0, 1] };
const grid = { shape, geometry };
/** Millimetres of DICOM's world of a point in columns, rows and planes. */
const lps = (x: number, y: number, z: number) => [10 + 2 * x, 20 + y, 30 + 3 * z];

/** The outline of a box of pixels, half a pixel around their centres. */
function box(z: number, [x0, x1]: readonly number[], [y0, y1]: readonly number[]): Drawn {
  const points = [
    [x0 - 0.5, y0 - 0.5],
    [x1 + 0.5, y0 - 0.5],
    [x1 + 0.5, y1 + 0.5],
    [x0 - 0.5, y1 + 0.5],
  ].flatMap(([x, y]) => lps(x, y, z));
  return { points };
}

/** Indices (plane, row, column) of marked voxels. */
function marked(data: Float32Array): string[] {
  return [...data].flatMap((value, i) =>
    value === 0 ? [] : [`${Math.floor(i / 48)} ${Math.floor(i / 8) % 6} ${i % 8}`],
  );
}

/** The voxels of boxes. */
function voxels(z: number, [x0, x1]: readonly number[], [y0, y1]: readonly number[]): string[] {
  const all: string[] = [];
  for (let y = y0; y <= y1; y++) for (let x = x0; x <= x1; x++) all.push(`${z} ${y} ${x}`);
  return all;
}

describe('readContours', () => {
  it('gives each region’s contours with their points, types and images', async () => {
    const { name, rois } = await structure([
      { name: 'GTV – Größe', contours: [{ ...box(0, [1, 2], [1, 2]), sop: '1.2.3.7' }] },
      { name: 'iso', number: 9, contours: [{ type: 'POINT', points: [1, -2.5, 3e-2] }] },
      { name: 'empty', contours: [] },
    ]);
    expect(name).toBe('rs.dcm');
    expect(rois.map((roi) => [roi.number, roi.name, roi.frameOfReference, roi.contours.length])).toEqual([
      [1, 'GTV – Größe', '1.2.9', 1],
      [9, 'iso', '1.2.9', 1],
      [3, 'empty', '1.2.9', 0],
    ]);
    expect(rois[0].contours[0]).toMatchObject({ type: 'CLOSED_PLANAR', referencedSop: '1.2.3.7' });
    expect([...rois[0].contours[0].points]).toEqual(box(0, [1, 2], [1, 2]).points);
    expect(rois[1].contours[0].type).toBe('POINT');
    expect([...rois[1].contours[0].points]).toEqual([1, -2.5, 0.03]);
  });

  const good = structureElements([{ name: 'a', contours: [box(0, [1, 2], [1, 2])] }]);
  const region = (contour: DicomElements, number = '1') => ({
    '30060039': items({ '30060084': text(number, 'IS'), '30060040': items(contour) }),
  });
  const cases: [string, DicomElements, string][] = [
    ['another class', { '00080016': text('1.2.840.10008.5.1.4.1.1.2', 'UI') }, 'This is no RT Structure Set'],
    ['no class', { '00080016': text('', 'UI') }, 'its SOP class is not said'],
    ['a region without a number', { '30060020': items({ '30060026': text('a') }) }, 'has no number'],
    [
      'regions of one number',
      { '30060020': items({ '30060022': text('1', 'IS') }, { '30060022': text('1', 'IS') }) },
      'regions of interest of the same number',
    ],
    ['contours of no region', region({ '30060050': decimals(1, 2, 3) }, '5'), 'contours of region 5'],
    [
      'four coordinates',
      region({ '30060050': decimals(1, 2, 3, 4) }),
      'contour 1 of "a": It has 4 coordinates',
    ],
    ['no coordinates', region({}), 'It has 0 coordinates'],
    [
      'a wrong count',
      region({ '30060050': decimals(1, 2, 3), '30060046': text('2', 'IS') }),
      'It has 1 points and says that they are 2.',
    ],
    ['no number', region({ '30060050': text(['1', 'x', '3'], 'DS') }), 'are no numbers'],
  ];
  test.each(cases)('%s: a sentence', async (_, change, message) => {
    const object = await readDicom(dicomFile({ ...good, ...change }), 'rs.dcm');
    expect(() => readContours(object)).toThrow(VolumeError);
    expect(() => readContours(object)).toThrow(message);
  });
});

describe('contourMask', () => {
  it('fills each contour in its plane, with holes, by either closed type', async () => {
    for (const type of ['CLOSED_PLANAR', 'CLOSEDPLANAR_XOR']) {
      const contours = [box(1, [1, 5], [1, 4]), box(1, [2, 3], [2, 3]), box(3, [6, 6], [0, 0])];
      const rs = await structure([{ name: 'a', contours: contours.map((one) => ({ ...one, type })) }]);
      const { volume, roi, notes } = contourMask(rs, grid);
      const hole = voxels(1, [2, 3], [2, 3]);
      expect(marked(volume.data)).toEqual([
        ...voxels(1, [1, 5], [1, 4]).filter((voxel) => !hole.includes(voxel)),
        '3 0 6',
      ]);
      expect(roi.name).toBe('a');
      expect([volume.channels, ...volume.shape]).toEqual([1, ...shape]);
      expect(volume.geometry).toBe(geometry);
      expect(notes).toEqual(['1 of the 3 planes from the first contour of "a" to the last have none.']);
    }
  });

  it('passes over points and open contours, and says so', async () => {
    const open = { type: 'OPEN_PLANAR', points: [0, 0, 0, 5, 5, 5] };
    const rs = await structure([
      { name: 'a', contours: [box(2, [1, 2], [1, 1]), { type: 'POINT', points: [0, 0, 0] }, open, open] },
      { name: 'iso', contours: [{ type: 'POINT', points: [0, 0, 0] }] },
    ]);
    const { volume, notes } = contourMask(rs, grid);
    expect(marked(volume.data)).toEqual(['2 1 1', '2 1 2']);
    expect(notes).toEqual([
      '"a" has contours that enclose nothing and were passed over: 1 POINT, 2 OPEN_PLANAR.',
    ]);
    expect(() => contourMask(rs, grid, { roi: 'iso' })).toThrow('"iso": It has no closed contours.');
  });

  it('asks which of several regions, and lists them when there is no such one', async () => {
    const one = (x: number) => [box(0, [x, x], [0, 0])];
    const rs = await structure([
      { name: 'GTV', number: 3, contours: one(1) },
      { name: 'CTV', number: 2, contours: one(2) },
      { name: '2', number: 7, contours: one(3) },
      { name: 'GTV', number: 8, contours: [] },
    ]);
    const list =
      '3 "GTV" (1 closed contour), 2 "CTV" (1 closed contour), 7 "2" (1 closed contour), 8 "GTV" (0 closed contours)';
    expect(() => contourMask(rs, grid)).toThrow(
      `rs.dcm: It has 3 regions of interest with closed contours. Choose one by name or number: ${list}.`,
    );
    expect(() => contourMask(rs, grid, { roi: 'PTV' })).toThrow(
      `It has no region of interest "PTV". Choose one by name or number: ${list}.`,
    );
    expect(() => contourMask(rs, grid, { roi: 'GTV' })).toThrow('It has 2 regions of interest "GTV".');
    expect(marked(contourMask(rs, grid, { roi: '3' }).volume.data)).toEqual(['0 0 1']);
    expect(marked(contourMask(rs, grid, { roi: 'CTV' }).volume.data)).toEqual(['0 0 2']);
    expect(marked(contourMask(rs, grid, { roi: '2' }).volume.data)).toEqual(['0 0 3']);
    expect(() => contourMask({ name: 'rs.dcm', rois: [] }, grid)).toThrow('It has no regions of interest.');
    const points = await structure(
      ['p', 'q'].map((name) => ({ name, contours: [{ type: 'POINT', points: [0, 0, 0] }] })),
    );
    expect(() => contourMask(points, grid)).toThrow('None of its regions of interest has closed contours.');
  });

  it('refuses contours between planes, across them, beyond them, and two heights in one', async () => {
    const attempt = async (...contours: Drawn[]) => {
      const rs = await structure([{ name: 'a', contours }]);
      return contourMask(rs, grid);
    };
    const plain = box(0, [1, 2], [1, 2]);
    await expect(attempt(plain, box(1.5, [1, 2], [1, 2]))).rejects.toThrow(
      'contour 2 of "a": It lies between two planes of the grid: 0.50 of the distance from plane 3 to the next.',
    );
    await expect(attempt(plain, box(4.2, [1, 2], [1, 2]))).rejects.toThrow(
      'It lies outside the grid, 1.2 planes beyond its last.',
    );
    await expect(attempt(plain, box(-0.9, [1, 2], [1, 2]))).rejects.toThrow('0.9 planes beyond its first');
    const tilted = { points: plain.points.map((value, i) => (i % 3 === 2 ? value + i / 3 : value)) };
    await expect(attempt(tilted)).rejects.toThrow('tilted against the planes of the grid');
    await expect(attempt(plain, box(0.2, [1, 2], [4, 4]))).rejects.toThrow(
      'It falls into the same plane of the grid (1) as another contour that lies 0.20 of the distance',
    );
    const beside = await attempt(box(1.3, [1, 2], [1, 2]));
    expect(marked(beside.volume.data)).toEqual(voxels(1, [1, 2], [1, 2]));
    expect(beside.notes).toEqual([
      'Contours of "a" lie up to 0.30 of the distance between planes beside the planes that they were filled in.',
    ]);
  });

  it('refuses regions of another frame of reference', async () => {
    const rs = await structure([{ name: 'a', contours: [box(0, [1, 2], [1, 2])] }]);
    contourMask(rs, grid, { frameOfReference: '1.2.9' });
    expect(() => contourMask(rs, grid, { frameOfReference: '1.2.8' })).toThrow(
      'another frame of reference (1.2.9)',
    );
  });

  it('says what it cut off at the edge of the images, and what it found twice', async () => {
    const wide = box(0, [-3, 2], [4, 9]);
    const rs = await structure([{ name: 'a', contours: [wide, wide, box(1, [1, 1], [1, 1])] }]);
    const { volume, notes } = contourMask(rs, grid);
    expect(marked(volume.data)).toEqual([...voxels(0, [0, 2], [4, 5]), '1 1 1']);
    expect(notes).toEqual([
      '"a" has 1 contour twice; once was taken.',
      '1 contour of "a" reach beyond the edge of the images and were cut there.',
    ]);
  });

  it('finds the planes along any axis of the grid', async () => {
    // The same voxels with axis 0 along rows of the images, axis 1 across them: x and z change places.
    const a = geometry.affine;
    const turned = {
      shape: [8, 4, 6] as const,
      geometry: { affine: [...[0, 4, 8].flatMap((r) => [a[r + 1], a[r + 2], a[r], a[r + 3]]), 0, 0, 0, 1] },
    };
    const rs = await structure([{ name: 'a', contours: [box(1, [1, 5], [1, 4]), box(2, [2, 3], [2, 3])] }]);
    const there = contourMask(rs, turned).volume;
    expect(there.data).not.toEqual(contourMask(rs, grid).volume.data);
    expect(reorientVolume(there, grid).data).toEqual(contourMask(rs, grid).volume.data);
  });

  it('fills outlines of pixels exactly, on any grid', async () => {
    await fc.assert(
      fc.asyncProperty(randomSource, fc.infiniteStream(fc.nat(4)), async (random, stream) => {
        const { volume } = await madeSeries(random);
        const [depth, rows, columns] = volume.shape;
        const at = (x: number, y: number, z: number) => {
          const [r, a, s] = mapPoint(volume.geometry.affine, [x, y, z]);
          return [-r, -a, s];
        };
        const data = new Float32Array(voxelCount(volume.shape));
        const next = () => stream.next().value as number;
        const contours = Array.from({ length: depth }, (_, z) => {
          const [x0, y0] = [next() % columns, next() % rows];
          const [x1, y1] = [Math.min(columns - 1, x0 + next()), Math.min(rows - 1, y0 + next())];
          for (let y = y0; y <= y1; y++) {
            for (let x = x0; x <= x1; x++) data[(z * rows + y) * columns + x] = 1;
          }
          const points = [
            at(x0 - 0.4, y0 - 0.4, z),
            at(x1 + 0.4, y0 - 0.4, z),
            at(x1 + 0.4, y1 + 0.4, z),
            at(x0 - 0.4, y1 + 0.4, z),
          ].flat();
          return { type: 'CLOSED_PLANAR', points: Float64Array.from(points) };
        });
        const rois = [{ number: 1, name: 'a', contours }];
        const mask = contourMask({ name: 'random', rois }, volume);
        expect([...mask.volume.data]).toEqual([...data]);
        expect(mask.notes).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  it('gives sentences for bytes changed at random, or a mask', async () => {
    const file = dicomFile(
      structureElements([
        { name: 'a', contours: [box(0, [1, 2], [1, 2]), box(1, [1, 4], [2, 3])] },
        { name: 'iso', contours: [{ type: 'POINT', points: [0, 0, 0] }] },
      ]),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(file.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(file.length), { freq: 4 }),
        async (changes, end) => {
          const bytes = file.slice(0, end ?? undefined);
          for (const [at, value] of changes) if (at < bytes.length) bytes[at] = value;
          try {
            const { volume } = contourMask(readContours(await readDicom(bytes, 'rs.dcm')), grid);
            expect(volume.data.length).toBe(voxelCount(shape));
          } catch (error) {
            if (!(error instanceof TonnoError)) throw error;
          }
        },
      ),
      { numRuns: 200 },
    );
  });
});

const data = new URL('../../../../shared/data/', import.meta.url);
const there = existsSync(data);
describe.skipIf(!there)(`the sarcoma of patient 042${there ? '' : ' (no ../shared/data)'}`, () => {
  test.each([
    ['PET', 'sts-pet/STS_042/PET_mask.nii.gz'],
    ['MR_T1', 'sts-mr/STS_042/MR_T1_mask.nii.gz'],
  ])('%s: the contours, filled, are the mask that was made of them', async (modality, path) => {
    const folder = new URL(`dicom/sts_042_dicom/${modality}/`, data);
    const source = await seriesIn(new URL('image/', folder), modality);
    const file = new Uint8Array(readFileSync(new URL('mask/RS.dcm', folder)));
    const structure = readContours(await readDicom(file, 'RS.dcm'));
    const frameOfReference = source.slices[0].object.dataset.string('00200052');
    const { volume, notes } = contourMask(structure, source.volume, { frameOfReference });
    expect(notes).toEqual([]);

    const { volume: given } = await decodeNifti(new Uint8Array(readFileSync(new URL(path, data))), path);
    // Voxels of one place in the world: the file's axes are turned against the series'.
    const other = reorientVolume(given, volume).data;
    let [both, sum] = [0, 0];
    volume.data.forEach((value, i) => {
      both += value * (other[i] > 0 ? 1 : 0);
      sum += value + (other[i] > 0 ? 1 : 0);
    });
    expect(sum).toBeGreaterThan(700);
    expect((2 * both) / sum).toBe(1);
  });
});
