import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it, test, vi } from 'vitest';
import { Desk } from '../../../src/app/desk/desk.ts';
import type { NewHeatmap, PlaneRequest } from '../../../src/app/protocol.ts';
import { addPrepare } from '../../../src/cli/prepare.ts';
import { createVolume, type Shape, voxelCount } from '../../../src/volume/volume.ts';
import { bytesSource, fixtureFolder, fixtureSource, niftiSource } from '../../support/app-sources.ts';
import { inProcess } from '../../support/in-process.ts';
import { oddPlacement, placed, readVolumeFile } from '../../support/volumes.ts';

afterEach(() => vi.unstubAllGlobals());

/** A desk with a volume of 4 × 5 × 6 voxels, with the values 0 to 119. */
const SHAPE: Shape = [4, 5, 6];
const SCAN = createVolume(
  Float32Array.from({ length: 120 }, (_, i) => i),
  SHAPE,
  { geometry: placed(oddPlacement) },
);

async function deskWithScan(heldBytes?: number): Promise<Desk> {
  const desk = new Desk(heldBytes);
  await desk.open([await niftiSource('scan.nii.gz', SCAN)]);
  return desk;
}

function heatmap(
  id: string,
  values: Readonly<Record<number, number>>,
  more: Partial<NewHeatmap> = {},
): NewHeatmap {
  const data = new Float32Array(voxelCount(SHAPE));
  for (const [voxel, value] of Object.entries(values)) data[Number(voxel)] = value;
  return { id, title: `Heatmap ${id}`, data, record: { made: id }, ...more };
}

const plane: PlaneRequest = {
  axis: 0,
  index: 0,
  channel: 0,
  window: [0, 119],
  opacity: 0,
  range: 1,
  mask: true,
  truth: true,
};

describe('a case', () => {
  it('is what its file says', async () => {
    const desk = new Desk();
    const opened = await desk.open([fixtureSource('nifti/qform-only.nii')]);
    expect(opened).toMatchObject({
      kind: 'case',
      info: {
        name: 'qform-only.nii',
        format: 'NIfTI',
        shape: [4, 5, 6],
        channels: 1,
        dicom: false,
        truth: false,
        notes: [],
        // numpy.percentile of 0.5 and 99.5, and the extremes.
        windows: [{ low: 0, high: 125, minimum: 0, maximum: 125 }],
      },
    });
    if (opened.kind !== 'case') return;
    expect(opened.info.views.map(({ axis }) => axis)).toEqual([0, 1, 2]);
    // nibabel.affines.voxel_sizes, in the order of the array's axes.
    [4, 2, 2].forEach((size, axis) => {
      expect(opened.info.spacing[axis]).toBeCloseTo(size, 6);
    });
    expect((await desk.volume()).geometry).toEqual(opened.info.geometry);
  });

  it('has a window for each channel', async () => {
    const desk = new Desk();
    const opened = await desk.open([fixtureSource('nifti/channels-4d.nii.gz')]);
    if (opened.kind !== 'case') throw new Error('It is one volume.');
    // numpy.percentile of 0.5 and 99.5, and the extremes.
    const expected = [
      [-124.815, 124.54, -127, 125],
      [-110.885, 119.435, -111, 123],
      [-123.54, 111.965, -124, 113],
    ];
    expect(opened.info.windows).toHaveLength(3);
    opened.info.windows.forEach(({ low, high, minimum, maximum }, channel) => {
      [low, high, minimum, maximum].forEach((value, i) => {
        expect(value).toBeCloseTo(expected[channel][i], 3);
      });
    });
  });

  it('shows what exceeds the one value that nearly all of it has', async () => {
    const desk = new Desk();
    const data = new Float32Array(1000);
    data[500] = 8;
    const opened = await desk.open([await niftiSource('x.nii', createVolume(data, [10, 10, 10]))]);
    expect(opened).toMatchObject({ info: { windows: [{ low: 0, high: 8, minimum: 0, maximum: 8 }] } });
  });

  it('knows the units of a DICOM series, and that a segmentation can refer to it', async () => {
    const desk = new Desk();
    const opened = await desk.open(fixtureFolder('dicom-seg/axial', 'axial'));
    expect(opened).toMatchObject({
      info: { name: 'axial', format: 'DICOM series', dicom: true, units: 'HU' },
    });
  });

  // Voxel, world and value by nibabel (apply_affine and the image's data).
  test.each([
    ['qform-only.nii', [0, 0, 0], [10.5, -20, 30], [53]],
    ['qform-only.nii', [1, 2, 1], [7.097952474601555, -17.040606698623087, 26.04170946964529], [124]],
    ['sheared.nii', [1, 2, 1], [-0.49772973358631134, 1.1385626196861267, 6.596218466758728], [113]],
    ['sheared.nii', [5, 4, 3], [0.009662404656410217, -5.05930370092392, 17.595032393932343], [-107]],
    [
      'channels-4d.nii.gz',
      [1, 2, 3],
      [-92.86209036409855, 126.27638077735901, -67.83384466171265],
      [12, -111, -114],
    ],
    [
      'float32-big.nii.gz',
      [2, 3, 4],
      [0.3244708551593707, -14.027550872789648, 25.021199135797534],
      [49.13682556152344],
    ],
  ] as const)('%s has at %j what nibabel says', async (file, voxel, world, values) => {
    const desk = new Desk();
    await desk.open([fixtureSource(`nifti/${file}`)]);
    const probe = await desk.probe(voxel);
    expect(probe.values).toEqual(values);
    world.forEach((value, i) => {
      expect(probe.world[i]).toBeCloseTo(value, 5);
    });
    expect(Object.keys(probe)).toEqual(['world', 'values']);
  });

  it('stays where what is given next is no volume, or has to be chosen from', async () => {
    const desk = await deskWithScan();
    await desk.putHeatmap(heatmap('a', { 7: 2 }));
    await expect(desk.open([bytesSource('letter.pdf', '%PDF-1.7 …')])).rejects.toThrow(/letter\.pdf.*PDF/);
    const choice = await desk.open([
      ...fixtureFolder('dicom-seg/axial'),
      ...fixtureFolder('dicom-seg/coronal'),
    ]);
    expect(choice.kind).toBe('choose');
    await expect(desk.openTruth([fixtureSource('nifti/int16-sform.nii')])).rejects.toThrow(
      /3 × 4 × 5 voxels/,
    );
    expect((await desk.volume()).name).toBe('scan.nii.gz');
    expect(await desk.probe([0, 1, 1])).toMatchObject({ values: [7], heatmap: 2 });
    expect((await desk.plane(plane)).width).toBeGreaterThan(0);
  });

  it('takes the place of the one before, with all that belonged to that', async () => {
    const desk = await deskWithScan();
    await desk.putHeatmap(heatmap('a', { 7: 2 }));
    await desk.openTruth([await niftiSource('mask.nii', SCAN)]);
    const opened = await desk.open([fixtureSource('nifti/qform-only.nii')]);
    expect(opened).toMatchObject({ info: { truth: false } });
    expect(await desk.heatmaps()).toEqual([]);
    expect(Object.keys(await desk.probe([0, 0, 0]))).toEqual(['world', 'values']);
    await expect(desk.threshold({ low: 0, high: 1 })).rejects.toThrow(/There is no heatmap yet/);
  });

  it('is not there before one is opened', async () => {
    const desk = new Desk();
    for (const asked of [
      desk.volume(),
      desk.probe([0, 0, 0]),
      desk.plane(plane),
      desk.render(64),
      desk.putHeatmap(heatmap('a', {})),
    ]) {
      await expect(asked).rejects.toThrow(/No volume is open\. Open one first\./);
    }
  });

  it('lies in memory that threads share where the page may have such', async () => {
    const alone = await (await deskWithScan()).volume();
    expect(alone.data.buffer).toBeInstanceOf(ArrayBuffer);
    vi.stubGlobal('crossOriginIsolated', true);
    const desk = await deskWithScan();
    const volume = await desk.volume();
    expect(volume.data.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(volume.geometry).toEqual(alone.geometry);
    expect([...volume.data]).toEqual([...alone.data]);
    // What is drawn, rendered and saved does not mind.
    expect((await desk.plane(plane)).pixels.buffer).toBeInstanceOf(ArrayBuffer);
    expect((await desk.render(2)).image.buffer).toBeInstanceOf(ArrayBuffer);
    await desk.putHeatmap(heatmap('a', { 7: 2 }));
    expect((await desk.save('mask')).map(({ name }) => name)).toContain('scan_mask.nii.gz');
  });
});

describe('a truth', () => {
  it('is seen, probed and told of', async () => {
    const desk = await deskWithScan();
    const mask = { ...SCAN, data: SCAN.data.map((value) => (value === 31 ? 1 : 0)) };
    expect((await desk.plane({ ...plane, index: 1 })).outlines).toEqual([]);
    expect(await desk.openTruth([await niftiSource('mask.nii', mask)])).toMatchObject({
      name: 'scan.nii.gz',
      truth: true,
    });
    expect((await desk.plane({ ...plane, index: 1 })).outlines.map(({ kind }) => kind)).toEqual(['truth']);
    expect(await desk.probe([1, 0, 1])).toMatchObject({ values: [31], truth: true });
    expect(await desk.probe([1, 0, 2])).toMatchObject({ values: [32], truth: false });
  });

  it('of a case that was closed while it was read goes nowhere', async () => {
    const desk = await deskWithScan();
    const mask = await niftiSource('mask.nii.gz', SCAN);
    const [truth, shown] = [desk.openTruth([mask]), desk.openHeatmap(mask, { id: 'a', title: 'a' })];
    const outcome = Promise.allSettled([truth, shown]);
    const { image } = { image: createVolume(SCAN.data.slice(), SHAPE, { geometry: SCAN.geometry }) };
    await desk.open([await niftiSource('next.nii', image)]);
    const reasons = (await outcome).map((one) => (one.status === 'rejected' ? String(one.reason) : 'kept'));
    for (const reason of reasons) {
      expect(['kept', expect.stringMatching(/Another volume was opened while it was read/)]).toContainEqual(
        reason,
      );
    }
    // Whatever came first: the case that is open now has neither.
    expect(Object.keys(await desk.probe([0, 0, 0]))).toEqual(['world', 'values']);
    expect((await desk.volume()).name).toBe('next.nii');
  });
});

describe('the phantom', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tonno-desk-'));
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it('is the command line’s, with lesions and their truth', async () => {
    const desk = new Desk();
    const info = await desk.phantom();
    expect(info).toMatchObject({ name: 'phantom-0', format: 'Phantom', shape: [64, 64, 64], truth: true });
    const volume = await desk.volume();
    await inProcess(addPrepare, [
      ...['prepare', 'phantom', '--out', folder, '--seed', '1000'],
      ...['--train', '2', '--validation', '2'],
    ]);
    const image = await readVolumeFile(join(folder, 'images/validation-001.nii.gz'));
    expect(volume.data).toEqual(image.data);
    expect(volume.geometry).toEqual(image.geometry);
    const mask = await readVolumeFile(join(folder, 'masks/validation-001_mask.nii.gz'));
    const marked = mask.data.reduce((sum, value) => sum + value, 0);
    expect(marked).toBeGreaterThan(100);
    for (const voxel of [mask.data.indexOf(1), mask.data.lastIndexOf(1), 0]) {
      const at = [voxel >> 12, (voxel >> 6) & 63, voxel & 63] as const;
      expect(await desk.probe(at)).toMatchObject({ truth: voxel > 0, values: [image.data[voxel]] });
    }
  });
});

describe('heatmaps', () => {
  it('begin with a range that few voxels exceed and with parts of their maximum', async () => {
    const desk = await deskWithScan();
    const data = Float32Array.from({ length: 120 }, (_, i) => (i % 2 === 0 ? 1 : -1) * (i / 10));
    const info = await desk.putHeatmap({ id: 'a', title: 'A', data, record: {} });
    expect(info).toMatchObject({
      id: 'a',
      title: 'A',
      thresholds: { low: Math.fround(11.8) / 4, high: Math.fround(11.8) / 2 },
    });
    expect([info.minimum, info.maximum]).toEqual([Math.fround(-11.9), Math.fround(11.8)]);
    // numpy.percentile(|values|, 99.9)
    expect(info.range).toBeCloseTo(11.8881, 4);
  });

  it('have colours and no lesions where there is nothing, or nothing positive', async () => {
    const desk = await deskWithScan();
    expect(await desk.putHeatmap(heatmap('zero', {}))).toMatchObject({ range: 1, minimum: 0, maximum: 0 });
    expect((await desk.plane({ ...plane, opacity: 1 })).outlines).toEqual([]);
    const few = createVolume(new Float32Array(1000), [10, 10, 10]);
    few.data[3] = -4;
    await desk.open([await niftiSource('x.nii', few)]);
    const negative = await desk.putHeatmap({ id: 'n', title: 'N', data: few.data.slice(), record: {} });
    expect(negative.range).toBeGreaterThan(0);
    expect(negative.range).toBeLessThanOrEqual(4);
    expect((await desk.plane(plane)).outlines).toEqual([]);
  });

  it('show lesions at their first thresholds before anyone lays others, and follow new values', async () => {
    const desk = await deskWithScan();
    await desk.putHeatmap(heatmap('a', { 7: 8, 8: 3, 20: 3.9 }));
    expect(await desk.probe([0, 1, 1])).toMatchObject({ heatmap: 8, lesion: 1 });
    expect((await desk.probe([0, 1, 2])).lesion).toBe(1);
    expect((await desk.probe([0, 3, 2])).lesion).toBeUndefined();
    await desk.putHeatmap(heatmap('a', { 20: 100, 21: 20 }));
    // 20 is above what was low at first and below what is low now.
    for (const voxel of [
      [0, 1, 1],
      [0, 3, 3],
    ] as const)
      expect((await desk.probe(voxel)).lesion).toBeUndefined();
    expect(await desk.probe([0, 3, 2])).toMatchObject({ heatmap: 100, lesion: 1 });
    // Thresholds that were laid stay laid.
    expect((await desk.threshold({ low: 1, high: 2 })).lesions).toHaveLength(1);
    await desk.putHeatmap(heatmap('a', { 7: 3, 20: 400 }));
    expect((await desk.probe([0, 1, 1])).lesion).toBe(1);
    expect(await desk.heatmaps()).toHaveLength(1);
  });

  it('keep what a person decided of each', async () => {
    const desk = await deskWithScan();
    await desk.putHeatmap(heatmap('a', { 7: 8 }, { thresholds: { low: 1, high: 7 } }));
    await desk.decide(1, 'rejected');
    await desk.putHeatmap(heatmap('b', { 7: 5 }));
    const kinds = async () => (await desk.plane(plane)).outlines.map(({ kind }) => kind);
    expect(await kinds()).toEqual(['lesion']);
    expect(await desk.chooseHeatmap('a')).toMatchObject({ id: 'a', thresholds: { low: 1, high: 7 } });
    expect(await kinds()).toEqual(['rejected']);
    expect((await desk.plane({ ...plane, lesion: 1 })).outlines.map(({ kind }) => kind)).toEqual(['chosen']);
    expect(await desk.chooseHeatmap(undefined)).toBeUndefined();
    expect(await kinds()).toEqual([]);
    await expect(desk.chooseHeatmap('c')).rejects.toThrow(/not on the desk any more/);
  });

  it('go when they are too many, the longest unused first, but not with a person’s work', async () => {
    const bytes = 4 * voxelCount(SHAPE);
    const desk = await deskWithScan(2 * bytes);
    const held = async () => (await desk.heatmaps()).map(({ id }) => id).sort();
    for (const id of ['a', 'b']) await desk.putHeatmap(heatmap(id, { 7: 1 }));
    await desk.chooseHeatmap('a');
    await desk.putHeatmap(heatmap('c', { 7: 1 }));
    expect(await held()).toEqual(['a', 'c']);
    await desk.chooseHeatmap('a');
    await desk.decide(1, 'accepted');
    for (const id of ['d', 'e', 'f']) await desk.putHeatmap(heatmap(id, { 7: 1 }));
    expect(await held()).toEqual(['a', 'e', 'f']);
  });

  it('come from files on the case’s grid, however its axes are stored', async () => {
    const desk = await deskWithScan();
    const values = { ...SCAN, data: SCAN.data.map((value) => value / 2) };
    const info = await desk.openHeatmap(await niftiSource('h.nii.gz', values), { id: 'h', title: 'H' });
    expect(info).toMatchObject({ id: 'h', title: 'H', maximum: 59.5, record: { file: 'h.nii.gz' } });
    expect(await desk.probe([3, 4, 5])).toMatchObject({ values: [119], heatmap: 59.5 });
    // The same with its last axis the other way round.
    const a = SCAN.geometry.affine;
    const affine = a.map((value, i) =>
      i % 4 === 0 && i < 12 ? -value : i % 4 === 3 && i < 12 ? value + 5 * a[i - 3] : value,
    );
    const data = SCAN.data.map((_, i) => (i - (i % 6) + 5 - (i % 6)) / 2);
    const turned = createVolume(data, SHAPE, { geometry: { affine } });
    const record = { method: 'tonno' };
    await desk.openHeatmap(await niftiSource('t.nii', turned), { id: 't', title: 'T', record });
    expect(await desk.probe([1, 2, 3])).toMatchObject({ values: [45], heatmap: 22.5 });
    expect((await desk.heatmaps()).at(-1)?.record).toEqual(record);
  });

  it('are refused on another grid, with channels, or without the right number of voxels', async () => {
    const desk = await deskWithScan();
    const about = { id: 'x', title: 'X' };
    await expect(desk.openHeatmap(fixtureSource('nifti/int16-sform.nii'), about)).rejects.toThrow(
      /int16-sform\.nii: It has 3 × 4 × 5 voxels, and scan\.nii\.gz has 4 × 5 × 6/,
    );
    await expect(desk.openHeatmap(fixtureSource('nifti/qform-only.nii'), about)).rejects.toThrow(
      /voxels lie up to/,
    );
    await expect(desk.openHeatmap(fixtureSource('nifti/channels-4d.nii.gz'), about)).rejects.toThrow(
      /3 channels/,
    );
    const short = { ...about, data: new Float32Array(7), record: {} };
    await expect(desk.putHeatmap(short)).rejects.toThrow('X: It is a heatmap of another volume.');
    expect(await desk.heatmaps()).toEqual([]);
  });

  it('are rendered with their lesions', async () => {
    const desk = await deskWithScan();
    await desk.putHeatmap(heatmap('a', { 0: 9, 119: 16 }));
    await desk.decide(2, 'accepted');
    const { shape, heatmap: means, lesions } = await desk.render(3);
    expect(shape).toEqual([2, 3, 3]);
    // The last row of blocks is one voxel high.
    expect([means?.[0], means?.[17]]).toEqual([9 / 8, 4]);
    expect([...(lesions ?? [])].map((mark, i) => [i, mark]).filter(([, mark]) => mark > 0)).toEqual([
      [0, 1],
      [17, 2],
    ]);
  });
});
