import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { Desk } from '../../../src/app/desk/desk.ts';
import type { SavedFile } from '../../../src/app/protocol.ts';
import { readDicom } from '../../../src/formats/dicom/object.ts';
import { decodeNifti } from '../../../src/formats/nifti.ts';
import { VERSION } from '../../../src/version.ts';
import {
  isDicom,
  openWorked,
  saveWorked,
  sources,
  WORKED,
  type WorkedName,
  workOn,
} from '../../support/app-saves.ts';

interface NiftiFacts {
  readonly shape: readonly number[];
  readonly affine: readonly number[];
  readonly codes: readonly number[];
  readonly voxels: readonly (readonly number[])[] | null;
}

interface SegFacts {
  readonly orientation: readonly number[];
  readonly spacing: readonly number[];
  readonly rows: number;
  readonly columns: number;
  readonly label: string;
  readonly algorithm: string;
  readonly frames: readonly {
    readonly position: readonly number[];
    readonly source: string;
    readonly frame: number;
    readonly pixels: readonly number[];
  }[];
}

/** By nibabel, pydicom and highdicom, which found all voxels in place: scripts/fixtures/check_app_saves.py. */
const golden: Readonly<
  Record<WorkedName, { readonly mask: NiftiFacts; readonly heatmap: NiftiFacts; readonly seg?: SegFacts }>
> = JSON.parse(readFileSync(new URL('../../fixtures/app-saves/golden.json', import.meta.url), 'utf8'));

const names = Object.keys(WORKED) as WorkedName[];

function ending(files: readonly SavedFile[], end: string): SavedFile {
  const file = files.find(({ name }) => name.endsWith(end));
  if (!file) throw new Error(`No ${end} among ${files.map(({ name }) => name).join(', ')}.`);
  return file;
}

const read = ({ content, name }: SavedFile) => decodeNifti(content.stream(), name);
const text = (files: readonly SavedFile[], end: string) => ending(files, end).content.text();
const json = async (files: readonly SavedFile[], end: string) => JSON.parse(await text(files, end));
const bytes = async (files: readonly SavedFile[], end: string) =>
  new Uint8Array(await ending(files, end).content.arrayBuffer());

const close = (values: readonly number[], expected: readonly number[], digits = 6) => {
  expect(values).toHaveLength(expected.length);
  for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i], digits);
};

async function unpacked(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

/** Byte ranges of the fields that place a NIfTI's voxels: size, unit, codes, quaternion, rows of the affine. */
const PLACE = {
  1: [
    [76, 92],
    [123, 124],
    [252, 328],
  ],
  2: [
    [104, 136],
    [344, 352],
    [352, 496],
    [500, 504],
  ],
} as const;

describe.each(names)('what is saved of %s', (name) => {
  test.each(['mask', 'heatmap'] as const)('%s: lies where nibabel found it', async (kind) => {
    const files = await saveWorked(name);
    const expected = golden[name][kind];
    const { volume, info } = await read(ending(files, `_${kind}.nii.gz`));
    // NIfTI's first axis is the array's last.
    expect([...volume.shape].reverse()).toEqual(expected.shape);
    close(volume.geometry.affine.slice(0, 12), expected.affine, 4);
    const { qformCode, sformCode } = volume.geometry.nifti ?? {};
    expect([qformCode, sformCode]).toEqual(expected.codes);
    expect(info.datatype).toBe(kind === 'mask' ? 'uint8' : 'float32');
    const [, height, width] = volume.shape;
    if (kind === 'mask') {
      const set = [...volume.data].flatMap((value, i) => (value > 0 ? [i] : []));
      const wanted = (expected.voxels ?? []).map(([x, y, z]) => (z * height + y) * width + x);
      expect(set).toEqual(wanted.sort((a, b) => a - b));
    } else {
      expect(volume.data).toEqual((await (await openWorked(name)).volume()).data);
    }
  });
});

describe('what is saved', () => {
  test.each(
    names.filter((name) => !isDicom(name)),
  )('of %s carries its placement bit for bit', async (name) => {
    const source = new Uint8Array(await sources(WORKED[name].path)[0].file.arrayBuffer());
    const big = source[0] === 0;
    const version = new DataView(source.buffer).getInt32(0, !big) === 348 ? 1 : 2;
    for (const kind of ['mask', 'heatmap']) {
      const saved = await unpacked(await bytes(await saveWorked(name), `_${kind}.nii.gz`));
      for (const [from, to] of PLACE[version]) {
        const own = saved.slice(from, to);
        const theirs = source.slice(from, to);
        // Numbers of a file of the other byte order are the same bytes the other way round.
        if (big) expect(own.toSorted()).toEqual(theirs.toSorted());
        else expect(own).toEqual(theirs);
      }
    }
  });

  test.each(
    names.filter(isDicom),
  )('of %s is a DICOM Segmentation whose frames lie where pydicom found them', async (name) => {
    const expected = golden[name].seg;
    if (!expected) throw new Error('It has no golden values.');
    const { dataset } = await readDicom(await bytes(await saveWorked(name), '_seg.dcm'), 'seg.dcm');
    const [shared] = dataset.sequence('52009229');
    close(shared.sequence('00209116')[0].numbers('00200037'), expected.orientation);
    close(shared.sequence('00289110')[0].numbers('00280030'), expected.spacing);
    expect([dataset.number('00280010'), dataset.number('00280011')]).toEqual([
      expected.rows,
      expected.columns,
    ]);
    const frames = dataset.sequence('52009230');
    expect(frames).toHaveLength(expected.frames.length);
    const bits = dataset.bytes('7fe00010') ?? new Uint8Array();
    const pixels = expected.rows * expected.columns;
    for (const [i, frame] of frames.entries()) {
      const wanted = expected.frames[i];
      close(frame.sequence('00209113')[0].numbers('00200032'), wanted.position);
      const [image] = frame.sequence('00089124')[0].sequence('00082112');
      expect(image.string('00081155')).toBe(wanted.source);
      expect(image.number('00081160') ?? 0).toBe(wanted.frame);
      const set = Array.from({ length: pixels }, (_, pixel) => i * pixels + pixel).filter(
        (bit) => (bits[bit >> 3] >> (bit & 7)) & 1,
      );
      expect(set.map((bit) => bit - i * pixels)).toEqual(wanted.pixels);
    }
    const [segment] = dataset.sequence('00620002');
    expect(segment.string('00620005')).toBe(expected.label);
    expect(segment.string('00620008')).toBe(expected.algorithm);
    expect(segment.string('00620009')).toBe(`tonno ${VERSION}`);
  });
});

describe('saveFiles', () => {
  it('names files by the case, and the heatmap as the command line does', async () => {
    const files = (await saveWorked('axial')).map(({ name, content }) => `${name} ${content.type}`);
    expect(files).toEqual([
      'axial_mask.json application/json',
      'axial_lesions.csv text/csv',
      'axial_mask.nii.gz application/gzip',
      'axial_desc-averaged-cam_cam-layercam_layer-layer-2_heatmap.json application/json',
      'axial_desc-averaged-cam_cam-layercam_layer-layer-2_heatmap.nii.gz application/gzip',
      'axial_seg.json application/json',
      'axial_seg.dcm application/dicom',
    ]);
    const nifti = (await saveWorked('int16-sform')).map(({ name }) => name);
    expect(nifti[2]).toBe('int16-sform_mask.nii.gz');
  });

  it('says in the sidecar what was found, and what a person changed', async () => {
    const files = await saveWorked('int16-sform');
    // Seen with SciPy: lesions of 3, 3 and 2 voxels with maxima of 114, 122 and 117; a voxel has 0.7 × 1.25 × 3.1 mm³.
    const voxel = 0.7 * 1.25 * 3.1;
    const record = await json(files, '_mask.json');
    expect(record).toMatchObject({
      software: { name: 'tonno', version: VERSION },
      source: { file: 'int16-sform.nii', format: 'NIfTI', shape: [3, 4, 5] },
      heatmap: { title: 'Averaged LayerCAM, layer 2', minimum: -122, maximum: 122, made: { seed: 5 } },
      high: 110,
      low: 92,
      connectivity: 26,
      mask: { file: 'int16-sform_mask.nii.gz', lesions: 2, leftOut: 1, voxels: 4 },
      table: 'int16-sform_lesions.csv',
      changedByHand: {
        any: true,
        decisions: [{ decision: 'rejected' }, { decision: 'accepted' }],
        paintedAway: { voxels: 1, fromLesions: { voxels: 1 }, strokes: 1 },
      },
    });
    expect(record.mask.volume).toBeCloseTo(4 * voxel, 4);
    expect(record.changedByHand.paintedAway.volume).toBeCloseTo(voxel, 4);
    expect(
      record.lesions.map(({ maximum, voxels, decision }: Record<string, unknown>) => [
        maximum,
        voxels,
        decision,
      ]),
    ).toEqual([
      [122, 3, 'rejected'],
      [114, 3, undefined],
      [expect.any(Number), 1, 'accepted'],
    ]);
    const [rejected, accepted] = record.changedByHand.decisions;
    expect(rejected.voxel).toEqual(record.lesions[0].peak);
    expect(rejected.lesions).toEqual([record.lesions[0].number]);
    // Its voxel is gone, and what is left of its lesion still is accepted.
    expect(accepted.lesions).toEqual([record.lesions[2].number]);

    const [header, ...rows] = (await text(files, '_lesions.csv')).trim().split('\n');
    expect(header).toBe('number,volume_mm3,voxels,maximum,x_mm,y_mm,z_mm,peak_axis0,peak_axis1,peak_axis2');
    const kept = [record.lesions[1], record.lesions[2]].sort((a, b) => a.number - b.number);
    expect(rows.map((row) => row.split(',').slice(2, 4).map(Number))).toEqual(
      kept.map(({ voxels, maximum }) => [voxels, maximum]),
    );
  });

  it('says that nobody changed anything where that is so', async () => {
    const desk = await openWorked('axial');
    const files = await desk.save('dicom-seg');
    expect((await json(files, '_seg.json')).changedByHand).toEqual({
      any: false,
      decisions: [],
      paintedAway: { voxels: 0, volume: 0, fromLesions: { voxels: 0, volume: 0 }, strokes: 0 },
    });
    const { dataset } = await readDicom(await bytes(files, '_seg.dcm'), 'seg.dcm');
    expect(dataset.sequence('00620002')[0].string('00620008')).toBe('AUTOMATIC');
    // Also after all of it was undone.
    await workOn(desk, WORKED.axial);
    for (let i = 0; i < 3; i++) await desk.undo();
    expect((await json(await desk.save('mask'), '_mask.json')).changedByHand.any).toBe(false);
  });

  it('saves an empty mask, and says that it is', async () => {
    const desk = await openWorked('coronal');
    await desk.threshold({ low: 5000, high: 6000 });
    const files = await desk.save('mask');
    expect((await json(files, '_mask.json')).mask).toMatchObject({
      lesions: 0,
      leftOut: 0,
      voxels: 0,
      volume: 0,
      empty: true,
    });
    const { volume } = await read(ending(files, '.nii.gz'));
    expect(volume.data.every((value) => value === 0)).toBe(true);
    expect((await text(files, '.csv')).trim().split('\n')).toHaveLength(1);
    const seg = await desk.save('dicom-seg');
    expect((await json(seg, '.json')).segmentation).toMatchObject({ voxels: 0, empty: true });
    expect((await json(await saveWorked('coronal'), '_mask.json')).mask).not.toHaveProperty('empty');
  });

  it('carries the record of the heatmap, with the name that it has now', async () => {
    const record = await json(await saveWorked('int16-sform'), '_heatmap.json');
    expect(record).toMatchObject({ method: 'averaged-cam', seed: 5 });
    expect(record.heatmap).toEqual({
      file: 'int16-sform_desc-averaged-cam_cam-layercam_layer-layer-2_heatmap.nii.gz',
      minimum: -122,
      maximum: 122,
      note: 'kept',
    });
  });

  it('names a heatmap of another program by its title', async () => {
    const desk = new Desk();
    await desk.open(sources('nifti/int16-sform.nii'));
    const { data } = await desk.volume();
    await desk.putHeatmap({ id: 'theirs', title: 'Grad-CAM (theirs)', data, record: { file: 'x.nii' } });
    const files = await desk.save('heatmap');
    expect(files.map(({ name }) => name)).toEqual([
      'int16-sform_desc-grad-cam-theirs_heatmap.json',
      'int16-sform_desc-grad-cam-theirs_heatmap.nii.gz',
    ]);
  });

  it('refuses a DICOM Segmentation of what was no DICOM', async () => {
    const desk = await openWorked('int16-sform');
    await expect(desk.save('dicom-seg')).rejects.toThrow(
      'int16-sform.nii: It is no DICOM series, which a DICOM Segmentation refers to. Save a NIfTI mask',
    );
  });
});
