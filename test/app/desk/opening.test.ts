import { readFileSync } from 'node:fs';
import { describe, expect, it, test } from 'vitest';
import { type OpenedVolume, openSources } from '../../../src/app/desk/opening.ts';
import type { OpenOptions, Source } from '../../../src/app/protocol.ts';
import { createVolume } from '../../../src/volume/volume.ts';
import { sliceElements, text } from '../../formats/dicom/slices.ts';
import {
  bytesSource,
  dicomSource,
  FIXTURES,
  fixtureFolder,
  fixtureSource,
  niftiSource,
} from '../../support/app-sources.ts';
import type { DicomElements } from '../../support/dicom.ts';

const golden = (folder: string) => JSON.parse(readFileSync(`${FIXTURES}${folder}/expected.json`, 'utf8'));

async function openVolume(sources: readonly Source[], options?: OpenOptions): Promise<OpenedVolume> {
  const opened = await openSources(sources, options);
  if (opened.kind === 'choose') throw new Error('There are several series.');
  return opened;
}

/** Planes of 2 × 3 pixels, 3 mm apart; the first pixel of plane i is `first` + 10 · i. */
function series(
  folder: string,
  { planes = 3, first = 0, more = {} as DicomElements, uid = '1.2.3', number = 4 } = {},
): Source[] {
  return Array.from({ length: planes }, (_, i) =>
    dicomSource(
      `${folder}IM${planes - i}`,
      sliceElements({
        position: [0, 0, 3 * i],
        values: [0, 1, 2, 3, 4, 5].map((value) => first + 10 * i + value),
        instance: i + 1,
        more: {
          '00080018': text(`${uid}.${i + 1}`, 'UI'),
          '0020000e': text(uid, 'UI'),
          '00200011': text(String(number), 'IS'),
          ...more,
        },
      }),
    ),
  );
}

describe('one file', () => {
  test.each([
    ['nifti', 'int16-sform.nii', 'NIfTI'],
    ['nifti', 'float32-big.nii.gz', 'NIfTI'],
    ['formats', 'int16.nrrd', 'NRRD'],
    ['formats', 'big.mha', 'MetaImage'],
    ['formats', 'channels.npy', 'NumPy array'],
  ])('%s/%s is seen from its bytes, under any name', async (folder, file, format) => {
    const { channels, shape, values } = golden(folder)[file];
    const opened = await openVolume([fixtureSource(`${folder}/${file}`, 'scan')]);
    expect(opened).toMatchObject({ format, volume: { name: 'scan', channels, shape } });
    expect([...opened.volume.data]).toEqual(values);
    expect(opened.source).toBeUndefined();
  });

  it('is a DICOM object of its own', async () => {
    const opened = await openVolume([fixtureSource('dicom-seg/multiframe/0.dcm', 'scan/0.dcm')]);
    expect(opened).toMatchObject({ format: 'DICOM file', volume: { name: 'scan/0.dcm' } });
    expect(opened.source?.slices).toHaveLength(opened.volume.shape[0]);
  });

  it('has voxels that are no numbers or too long only where that is allowed', async () => {
    await expect(openSources([fixtureSource('nifti/not-finite.nii')])).rejects.toThrow(/NaN or infinite/);
    const { volume, notes } = await openVolume([fixtureSource('nifti/not-finite.nii')], { nan: 'zero' });
    expect(volume.data.every(Number.isFinite)).toBe(true);
    expect(notes).toEqual([expect.stringMatching(/^\d+ voxels that were not finite are 0 now\.$/)]);
    await expect(openSources([fixtureSource('nifti/int64.nii')])).rejects.toThrow(/int64/);
    expect((await openVolume([fixtureSource('nifti/int64.nii')], { int64: 'convert' })).volume.shape).toEqual(
      [3, 3, 3],
    );
  });

  test.each([
    ['a picture', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0), /not a volume .* PNG/],
    ['nothing', new Uint8Array(0), /The file is empty/],
    ['words', 'Dear colleague, please find the scan attached.', /not a volume of a known format/],
  ])('is refused where it is %s', async (_, bytes, problem) => {
    await expect(openSources([bytesSource('scan.nii', bytes)])).rejects.toThrow(problem);
  });

  it('is refused as what it is where it holds regions', async () => {
    await expect(openSources([fixtureSource('dicom-seg/highdicom-binary.dcm')])).rejects.toThrow(
      /DICOM Segmentation, which holds regions and not an image/,
    );
  });
});

describe('a header and its voxels', () => {
  test.each([
    ['detached.nhdr', 'detached.raw.gz'],
    ['detached.mhd', 'detached.raw'],
    ['detached-packed.mhd', 'detached-packed.zraw'],
  ])('%s finds %s beside it', async (header, voxels) => {
    const sources = [
      bytesSource('folder/readme.txt', 'A scan.'),
      fixtureSource(`formats/${voxels}`, `folder/${voxels}`),
      fixtureSource(`formats/${header}`, `folder/${header}`),
    ];
    const { volume, notes } = await openVolume(sources);
    expect([...volume.data]).toEqual(golden('formats')[header].values);
    expect(notes).toEqual(['folder/readme.txt is passed over. It is no volume.']);
  });

  it('takes the voxels of its own folder', async () => {
    const [header, voxels] = ['formats/detached.mhd', 'formats/detached.raw'];
    const zeros = bytesSource('a/detached.raw', new Uint8Array(120));
    const { volume } = await openVolume([
      zeros,
      fixtureSource(voxels, 'b/detached.raw'),
      fixtureSource(header, 'b/x.mhd'),
    ]);
    expect([...volume.data]).toEqual(golden('formats')['detached.mhd'].values);
  });

  it('says what is missing', async () => {
    await expect(openSources([fixtureSource('formats/detached.mhd')])).rejects.toThrow(
      'detached.mhd: Its voxels are in another file, detached.raw. Give both files together.',
    );
  });
});

describe('a folder of DICOM files', () => {
  it('is put in order, and what is no plane of it is told of', async () => {
    const directory = dicomSource('study/DICOMDIR', {
      '00080016': text('1.2.840.10008.1.3.10', 'UI'),
      '00080018': text('1.2.77', 'UI'),
    });
    const { volume, format, notes, source } = await openVolume([
      directory,
      ...series('study/axial/'),
      bytesSource('study/notes.txt', 'Nothing to add.'),
    ]);
    expect([...volume.data]).toEqual([0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 20, 21, 22, 23, 24, 25]);
    expect(volume.name).toBe('axial');
    expect(format).toBe('DICOM series');
    expect(source?.slices).toHaveLength(3);
    expect(notes).toEqual([
      'study/DICOMDIR is passed over. It holds no image.',
      'study/notes.txt is passed over. It is no volume.',
    ]);
  });

  it('names no more strangers than are read', async () => {
    const strangers = [1, 2, 3, 4, 5].map((i) => bytesSource(`s/${i}.txt`, 'words'));
    const { notes } = await openVolume([...series('s/'), ...strangers]);
    expect(notes).toHaveLength(4);
    expect(notes[3]).toBe('2 more files are passed over.');
  });

  it('of several series gives the choice, and then the one that was chosen', async () => {
    const files = [
      ...series('study/late/', {
        uid: '1.2.5',
        number: 7,
        first: 100,
        more: { '0008103e': text('T1 late') },
      }),
      ...series('study/early/', { uid: '1.2.4', number: 2, planes: 1 }),
    ];
    expect(await openSources(files)).toEqual({
      kind: 'choose',
      series: [
        { uid: '1.2.4', title: '2. MR without description (1 file)' },
        { uid: '1.2.5', title: '7. MR T1 late (3 files)' },
      ],
    });
    const { volume } = await openVolume(files, { series: '1.2.5' });
    expect(volume.name).toBe('late');
    expect(volume.data[0]).toBe(100);
    await expect(openSources(files, { series: '9' })).rejects.toThrow(/None of its 2 series has "9"/);
  });

  it('has no image at all', async () => {
    const report = dicomSource('sr.dcm', {
      '00080016': text('1.2.840.10008.5.1.4.1.1.88.11', 'UI'),
      '00080018': text('1.2.9', 'UI'),
      '00080060': text('SR', 'CS'),
    });
    await expect(openSources([report, report])).rejects.toThrow(/It holds no image \(SR\)/);
  });

  it('is refused with a plane missing, and with another volume', async () => {
    const [first, , third, fourth] = series('s/', { planes: 4 });
    await expect(openSources([first, third, fourth])).rejects.toThrow(/missing|apart|gap/i);
    await expect(openSources([...series('s/'), fixtureSource('nifti/int16-sform.nii')])).rejects.toThrow(
      /s\/IM3: It was given together with int16-sform\.nii/,
    );
  });
});

describe('channels', () => {
  /** On the grid of `series`. */
  const beside = (value: number, name: string) =>
    niftiSource(name, {
      ...createVolume(new Float32Array(18).fill(value), [3, 2, 3]),
      // Pixels are 1.5 mm wide and 2 mm high; DICOM's x and y run the other way.
      geometry: { affine: [-1.5, 0, 0, 0, 0, -2, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1] },
    });

  it('are files and series in the order of their first files', async () => {
    const sources = [
      await beside(-1, 'a.nii'),
      ...series('t2/', { first: 500, uid: '1.2.8' }),
      await beside(-2, 'b.nii.gz'),
    ];
    const { volume, format, source } = await openVolume(sources, { channels: true });
    expect(volume.channels).toBe(3);
    expect([0, 18, 36].map((at) => volume.data[at])).toEqual([-1, 500, -2]);
    expect(volume.name).toBe('a.nii');
    expect(format).toBe('NIfTI and DICOM series, 3 volumes');
    expect(source).toBeUndefined();
  });

  it('that begin with a series can be referred to by a segmentation', async () => {
    const sources = [...series('t1/'), ...series('t2/', { first: 500, uid: '1.2.8', number: 1 })];
    const { volume, source, notes } = await openVolume([...sources, bytesSource('x.txt', 'words')], {
      channels: true,
    });
    expect([0, 18].map((at) => volume.data[at])).toEqual([0, 500]);
    expect(source?.slices.map(({ object }) => object.name)).toEqual(['t1/IM3', 't1/IM2', 't1/IM1']);
    expect(notes).toEqual(['x.txt is passed over. It is no volume.']);
  });

  it('have one grid, and are not taken for channels unasked', async () => {
    const pair = [fixtureSource('nifti/int16-sform.nii'), fixtureSource('nifti/sheared.nii')];
    await expect(openSources(pair, { channels: true })).rejects.toThrow(
      /sheared\.nii: It has 6 × 5 × 4 voxels/,
    );
    await expect(openSources(pair)).rejects.toThrow(/one volume is looked at at a time/);
  });
});

it('there is nothing to open', async () => {
  await expect(openSources([])).rejects.toThrow('files: There are none. Choose a file.');
});

it('a dropped folder of the fixtures is its series', async () => {
  const { volume } = await openVolume(fixtureFolder('dicom-seg/axial', 'axial'));
  expect(volume).toMatchObject({ name: 'axial', channels: 1 });
});
