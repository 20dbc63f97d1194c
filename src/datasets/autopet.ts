/**
 * AutoPET-II: whole-body FDG-PET/CT as NIfTI files, one folder a patient and in it one a study. Each is cut to the body,
 * where the PET shows anything, which makes training faster (paper, A.4); the CT comes to the voxels of the PET.
 */
import { TonnoError, VolumeError } from '../errors.ts';
import { boundingBox, cropVolume } from '../volume/crop.ts';
import { resampleVolume } from '../volume/resample.ts';
import type { Volume } from '../volume/volume.ts';
import type { Adapter, FoundStudies, PreparedCase, SourceFolder, Study } from './adapter.ts';
import { archiveRoot, pathIn, readImage } from './archive.ts';
import { maskOn } from './masks.ts';

const SUV = 'SUV.nii.gz';
const MASK = 'SEG.nii.gz';
/** On the grid of the PET, or as it was measured; the first that is there is taken. */
const CT = ['CTres.nii.gz', 'CT.nii.gz'];
/** A body has more of the tracer than that. */
const BODY_SUV = 0.2;
/** Voxels are float32: one that says 0.2 must not be above it. */
const BODY_SUV_32 = Math.fround(BODY_SUV);
/** Hounsfield units where the PET reaches beyond the CT. */
const AIR = -1024;
/** Studies that a message lists. */
const LISTED = 3;

const isPatient = (name: string) => /^PETCT_/.test(name);

interface Source {
  readonly folder: string;
  readonly ct: string;
}

export const autopet: Adapter = {
  summary: 'AutoPET-II: whole-body FDG-PET/CT with tumours segmented (NIfTI release)',
  description: [
    'Takes SUV.nii.gz, CTres.nii.gz (or CT.nii.gz where that is missing) and SEG.nii.gz of every study in PETCT_*/.',
    'All are cut to the smallest box with every voxel of an SUV above 0.2; the CT is resampled to the voxels of the PET, linearly, -1024 HU beyond its edge; values stay as measured.',
    'A study is positive where its mask is not empty.',
    'Preprocessing: the same crop, CT / 1000, SUV / 10, and 0 outside the volume.',
  ].join(' '),
  options: [],
  // Of 501 positive and 512 negative studies in the paper's Table 3.
  validation: { positive: 57 / 501, negative: 55 / 512 },
  preprocessing: {
    normalise: 'none',
    scale: [0.001, 0.1],
    outside: 0,
    crop: { channel: 1, above: BODY_SUV_32 },
  },
  find,
  prepare,
};

async function find(folder: SourceFolder): Promise<FoundStudies> {
  const root = await archiveRoot(
    folder,
    ({ folders }) => folders.some(isPatient),
    'folder PETCT_… of a patient',
  );
  const { folders } = await folder.list(root);
  const studies: Study[] = [];
  const problems: string[] = [];
  for (const patient of folders.filter(isPatient)) {
    const own = (await folder.list(pathIn(root, patient))).folders.filter((name) => !name.startsWith('.'));
    if (own.length === 0) problems.push(`${patient} has no study in it`);
    for (const name of own) {
      const path = pathIn(root, `${patient}/${name}`);
      const { files } = await folder.list(path);
      const ct = CT.find((file) => files.includes(file));
      const missing = [SUV, MASK].filter((file) => !files.includes(file));
      if (!ct) missing.push(CT[0]);
      if (missing.length > 0) problems.push(`${patient}/${name} has no ${missing.join(' and no ')}`);
      else {
        const source: Source = { folder: path, ct: ct! };
        studies.push({ name: `${patient}_${fileName(name)}`, patient, source });
      }
    }
  }
  if (problems.length > 0) {
    const more = problems.length > LISTED ? ` And ${problems.length - LISTED} more.` : '';
    throw new TonnoError(folder.name, `It is not whole: ${problems.slice(0, LISTED).join('; ')}.${more}`, {
      remedy: 'Download what is missing, or move these folders away.',
    });
  }
  const others = folders.filter((name) => !isPatient(name) && !name.startsWith('.'));
  const withoutCt = studies.filter(({ source }) => (source as Source).ct !== CT[0]).length;
  return {
    studies,
    classes: ['label'],
    channels: ['CT', 'SUV'],
    notes: [
      ...(others.length > 0
        ? [`Passed over, since their names do not begin with PETCT_: ${others.join(', ')}.`]
        : []),
      ...(withoutCt > 0
        ? [`${CT[1]} is resampled in ${withoutCt} of ${studies.length} studies, which have no ${CT[0]}.`]
        : []),
    ],
  };
}

/** Folders are called "03-23-2003-NA-PET-CT Ganzkoerper  primaer mit KM-10445": what no file's name should hold becomes "-". */
function fileName(folder: string): string {
  return folder.replace(/[^A-Za-z0-9.-]+/g, '-');
}

async function prepare(
  study: Study,
  folder: SourceFolder,
  _settings: unknown,
  signal?: AbortSignal,
): Promise<readonly PreparedCase[]> {
  const source = study.source as Source;
  const { suv, box, grid } = await readBody(folder, pathIn(source.folder, SUV));
  signal?.throwIfAborted();
  const ct = await readCt(folder, pathIn(source.folder, source.ct), suv);
  signal?.throwIfAborted();
  const mask = cropVolume(maskOn(grid, await readImage(folder, pathIn(source.folder, MASK))), box);
  const positive = mask.data.includes(1);
  return [{ name: study.name, labels: [positive ? 1 : 0], images: [ct, suv], ...(positive && { mask }) }];
}

/** The PET in its box. Of the whole only the grid is kept: a body of voxels is large. */
async function readBody(folder: SourceFolder, path: string) {
  const whole = await readImage(folder, path);
  const box = boundingBox(whole, BODY_SUV_32);
  if (!box) {
    throw new VolumeError(whole.name ?? path, `No voxel has an SUV above ${BODY_SUV}.`, {
      remedy: 'See whether the file is whole and holds SUV, or move the study away.',
    });
  }
  const { name, shape, geometry } = whole;
  return { suv: cropVolume(whole, box), box, grid: { name, shape, geometry } };
}

async function readCt(folder: SourceFolder, path: string, suv: Volume): Promise<Volume> {
  const measured = await readImage(folder, path);
  const ct = resampleVolume(measured, suv, { interpolation: 'linear', outside: AIR });
  if (ct.data.every((value) => value === AIR)) {
    throw new VolumeError(measured.name ?? path, `Nothing of it lies where ${suv.name ?? 'the PET'} is.`, {
      remedy: 'Put the CT of this study in its place.',
    });
  }
  return ct;
}
