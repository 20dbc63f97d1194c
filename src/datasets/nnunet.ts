/**
 * nnU-Net's raw data sets and those of the Medical Segmentation Decathlon, which are all but one layout: dataset.json,
 * imagesTr and labelsTr. nnU-Net has a file for each channel (CASE_0000.nii.gz), the Decathlon one file with all of
 * them (CASE.nii.gz, the channels along its fourth axis). A scan has the finding when its labels hold any of those asked for.
 */
import { z } from 'zod';
import { listed, TonnoError, UsageError, VolumeError } from '../errors.ts';
import { type Volume, voxelCount } from '../volume/volume.ts';
import type { Adapter, AdapterSettings, FoundStudies, PreparedCase, SourceFolder, Study } from './adapter.ts';
import { PATIENT_OPTION, patientRule, requireOwnNames, studyName } from './names.ts';

const FILE = 'dataset.json';
const IMAGES = 'imagesTr';
const LABELS = 'labelsTr';
const UNLABELLED = 'imagesTs';
const NIFTI = '.nii.gz';
/** Endings of files that nnU-Net knows and that hold volumes. */
const ENDINGS = [NIFTI, '.nii', '.nrrd', '.mha'];

const names = z.record(z.string(), z.string());
const value = z.int().min(0);
const description = z.object({
  /** nnU-Net 2, and what nnU-Net 1 and the Decathlon call it; there it may be a list. */
  channel_names: z.union([names, z.array(z.string())]).optional(),
  modality: z.union([names, z.array(z.string())]).optional(),
  /** From name to value, or to the values of a region; in nnU-Net 1 and the Decathlon from value to name. */
  labels: z.record(z.string(), z.union([value, z.array(value), z.string()])),
  file_ending: z.string().optional(),
  numTraining: z.int().optional(),
  training: z.array(z.unknown()).optional(),
  /** Where nnU-Net 2 has files elsewhere. */
  dataset: z.record(z.string(), z.object({ images: z.array(z.string()), label: z.string() })).optional(),
});
type Description = z.infer<typeof description>;

/** A case as `prepare` needs it. */
interface Source {
  /** A file for each channel, or one with all. */
  readonly images: readonly string[];
  readonly label: string;
  /** Values that are the finding, and all that may be in the labels. */
  readonly finding: readonly number[];
  readonly known: readonly number[];
  readonly channels: number;
}

interface Files {
  readonly name: string;
  readonly images: readonly string[];
  readonly label: string;
}

export const nnunet: Adapter = {
  summary: 'nnU-Net raw data and Medical Segmentation Decathlon',
  description:
    'Takes the training cases of an nnU-Net raw data set or a task of the Medical Segmentation Decathlon. A case is positive where its labels hold any of those asked for. A fifth of the patients goes to validation.',
  options: [
    { flags: '--labels <names>', description: 'names or values that are the finding (all but background)' },
    PATIENT_OPTION,
  ],
  validation: { positive: 0.2, negative: 0.2 },
  preprocessing: { normalise: 'zscore', outside: 'minimum' },
  find,
  prepare,
};

async function find(folder: SourceFolder, settings: AdapterSettings): Promise<FoundStudies> {
  const about = await readDescription(folder);
  const channels = channelNames(about, folder);
  const labels = readLabels(about, folder);
  const finding = chooseLabels(labels, settings.labels);
  const notes: string[] = [];
  const files = await findFiles(about, channels.length, folder, notes);
  const patientOf = settings.patient === undefined ? undefined : patientRule(settings.patient);
  const known = [...new Set(labels.flatMap(({ values }) => values))];
  const studies = files.map(({ name, images, label }): Study => {
    const source: Source = { images, label, finding, known, channels: channels.length };
    return { name: studyName(name), patient: patientOf?.(name) ?? name, source };
  });
  requireOwnNames(
    studies.map(({ name }, i) => ({ name, from: files[i].label })),
    folder.name,
  );
  if (about.numTraining !== undefined && about.numTraining !== files.length) {
    notes.push(`${FILE} speaks of ${about.numTraining} training cases, and there are ${files.length}.`);
  }
  const unlabelled = (await folder.list('')).folders.includes(UNLABELLED)
    ? (await folder.list(UNLABELLED)).files.length
    : 0;
  if (unlabelled > 0) notes.push(`${UNLABELLED} has no labels and is left out (files: ${unlabelled}).`);
  return { studies, classes: ['label'], channels, notes };
}

async function readDescription(folder: SourceFolder): Promise<Description> {
  const { files } = await folder.list('');
  const subject = `${folder.name}/${FILE}`;
  if (!files.includes(FILE)) {
    throw new TonnoError(folder.name, `There is no ${FILE} in it.`, {
      remedy: 'Name the folder of the data set, which holds imagesTr and labelsTr.',
    });
  }
  let read: unknown;
  try {
    read = JSON.parse(new TextDecoder().decode(await folder.readBytes(FILE)));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new TonnoError(subject, `It is not JSON. ${cause.message}.`, { remedy: 'Correct it.', cause });
  }
  const { data, error } = description.safeParse(read);
  if (!error) return data;
  const [{ path, message }] = error.issues;
  throw new TonnoError(
    subject,
    `What it says under ${JSON.stringify(path.join('.'))} is no use: ${message}.`,
    {
      remedy: 'Correct it as nnU-Net’s documentation of the data set format says.',
      cause: error,
    },
  );
}

function channelNames({ channel_names, modality }: Description, folder: SourceFolder): string[] {
  const said = channel_names ?? modality;
  const listed = Array.isArray(said) ? Object.fromEntries(said.entries()) : (said ?? {});
  const count = Object.keys(listed).length;
  const channels = Array.from({ length: count }, (_, i) => listed[i]);
  if (count > 0 && !channels.includes(undefined as never)) return channels;
  throw new TonnoError(`${folder.name}/${FILE}`, 'It does not name the channels from "0" on.', {
    remedy: 'Name them under "channel_names", such as {"0": "CT"}.',
  });
}

interface Label {
  readonly name: string;
  readonly values: readonly number[];
  /** Whether it is neither the background nor what is to be ignored. */
  readonly finding: boolean;
}

function readLabels({ labels }: Description, folder: SourceFolder): Label[] {
  const read = Object.entries(labels).map(([key, own]): Label => {
    // nnU-Net 1 and the Decathlon have the value first.
    const [name, values] = typeof own === 'string' ? [own, [Number(key)]] : [key, [own].flat()];
    if (!values.every((one) => Number.isInteger(one) && one >= 0)) {
      throw new TonnoError(`${folder.name}/${FILE}`, `Its label ${JSON.stringify(key)} has no value.`, {
        remedy: 'Write names with their values, such as {"background": 0, "tumour": 1}.',
      });
    }
    return { name, values, finding: !values.includes(0) && name !== 'ignore' };
  });
  if (read.some(({ finding }) => finding)) return read;
  throw new TonnoError(`${folder.name}/${FILE}`, 'It has no label but the background.', {
    remedy: 'Name the labels with their values under "labels".',
  });
}

/** Values of the labels that are asked for. */
function chooseLabels(labels: readonly Label[], wanted: string | undefined): number[] {
  const choices = labels.filter(({ finding }) => finding);
  const words = wanted?.split(',').map((word) => word.trim());
  const chosen = words?.flatMap((word) => {
    const own = choices.filter(({ name, values }) => name === word || values.join() === word);
    if (own.length > 0) return own;
    const list = choices.map(({ name, values }) => `${name} (${values.join(' and ')})`).join(', ');
    throw new UsageError(`--labels ${wanted}`, `There is no label ${JSON.stringify(word)} to be found.`, {
      remedy: `Choose from ${list}.`,
    });
  });
  return [...new Set((chosen ?? choices).flatMap(({ values }) => values))];
}

async function findFiles(
  about: Description,
  channels: number,
  folder: SourceFolder,
  notes: string[],
): Promise<Files[]> {
  const ending = about.file_ending ?? NIFTI;
  if (!ENDINGS.includes(ending)) {
    throw new TonnoError(`${folder.name}/${FILE}`, `Its files end in ${JSON.stringify(ending)}.`, {
      remedy: `Volumes are read that end in ${ENDINGS.join(', ')}.`,
    });
  }
  if (about.dataset) {
    return Object.entries(about.dataset).map(([name, { images, label }]) => {
      if (images.length !== channels) throw missingChannels(folder, [name], channels);
      return { name, images: images.map(plain), label: plain(label) };
    });
  }
  const { folders } = await folder.list('');
  const absent = [IMAGES, LABELS].filter((name) => !folders.includes(name));
  if (absent.length > 0) {
    throw new TonnoError(folder.name, `It has no folder ${absent.join(' and no folder ')}.`, {
      remedy: 'Name the folder of the data set, as it was unpacked.',
    });
  }
  const images = new Set((await folder.list(IMAGES)).files);
  const labels = new Set((await folder.list(LABELS)).files);
  const whole = listedPairs(about, images);
  const found = whole ?? numberedFiles(images, ending, channels, folder);
  const unlabelled = found.filter(({ label }) => !labels.has(label.slice(LABELS.length + 1)));
  if (unlabelled.length > 0) {
    throw new TonnoError(
      `${folder.name}/${LABELS}`,
      `There are no labels of ${listed(
        unlabelled.map(({ name }) => name),
        3,
      )}.`,
      { remedy: 'Copy or download the data set again, or take these cases out.' },
    );
  }
  if (found.length === 0) {
    throw new TonnoError(`${folder.name}/${IMAGES}`, `There is no case in it whose files end in ${ending}.`, {
      remedy: 'Copy or download the data set again.',
    });
  }
  const more = labels.size - found.length;
  if (more > 0) notes.push(`Files of ${LABELS} that belong to no image, and are left out: ${more}.`);
  return found;
}

/** The Decathlon's list, where the images that it names are there as they are; nnU-Net 1 lists what it then splits. */
function listedPairs({ training = [] }: Description, images: ReadonlySet<string>): Files[] | undefined {
  const pair = z.object({ image: z.string(), label: z.string() });
  const pairs = training.flatMap((entry) => pair.safeParse(entry).data ?? []);
  const there = pairs.filter(({ image }) => images.has(plain(image).slice(IMAGES.length + 1)));
  if (there.length === 0) return undefined;
  return there.map(({ image, label }) => {
    const name = plain(image)
      .slice(IMAGES.length + 1)
      .replace(/\.nii(\.gz)?$/, '');
    return { name, images: [plain(image)], label: plain(label) };
  });
}

function numberedFiles(
  images: ReadonlySet<string>,
  ending: string,
  channels: number,
  folder: SourceFolder,
): Files[] {
  const cases = new Map<string, Set<number>>();
  for (const file of images) {
    if (!file.endsWith(ending)) continue;
    const [, name, channel] = /^(.+)_(\d{4})$/.exec(file.slice(0, -ending.length)) ?? [];
    if (name === undefined) continue;
    cases.set(name, (cases.get(name) ?? new Set()).add(Number(channel)));
  }
  const fits = (own: Set<number>) => own.size === channels && [...own].every((channel) => channel < channels);
  const odd = [...cases].filter(([, own]) => !fits(own)).map(([name]) => name);
  if (odd.length > 0) throw missingChannels(folder, odd, channels);
  return [...cases.keys()].map((name) => ({
    name,
    images: Array.from(
      { length: channels },
      (_, i) => `${IMAGES}/${name}_${String(i).padStart(4, '0')}${ending}`,
    ),
    label: `${LABELS}/${name}${ending}`,
  }));
}

function missingChannels(folder: SourceFolder, cases: readonly string[], channels: number): TonnoError {
  return new TonnoError(
    `${folder.name}/${IMAGES}`,
    `There is not one file for each of the ${channels} channels of ${listed(cases, 3)}.`,
    { remedy: `Each case has a file for each channel that ${FILE} names, and no other.` },
  );
}

/** A path of the Decathlon's lists without the "./" that it begins with. */
function plain(path: string): string {
  return path.replace(/^(\.\/)+/, '');
}

async function prepare({ name, source }: Study, folder: SourceFolder): Promise<readonly PreparedCase[]> {
  const { images: paths, label, finding, known, channels } = source as Source;
  const images: Volume[] = [];
  for (const path of paths) images.push(...split(await folder.readVolume(path), channels / paths.length));
  const mask = findingMask(await folder.readVolume(label), new Set(finding), new Set(known));
  return [{ name, labels: [mask.data.includes(1) ? 1 : 0], images, mask }];
}

/** Each channel as a volume. */
function split(volume: Volume, channels: number): Volume[] {
  if (volume.channels !== channels) {
    throw new VolumeError(
      volume.name ?? 'image',
      `It has ${volume.channels} channels, and ${FILE} names ${channels} for it.`,
      { remedy: 'Correct the one or the other.' },
    );
  }
  if (channels === 1) return [volume];
  const voxels = voxelCount(volume.shape);
  return Array.from({ length: channels }, (_, c) => ({
    ...volume,
    channels: 1,
    data: volume.data.slice(c * voxels, (c + 1) * voxels),
  }));
}

/** 1 where a label is one of the finding's. */
function findingMask(labels: Volume, finding: ReadonlySet<number>, known: ReadonlySet<number>): Volume {
  const data = new Float32Array(labels.data.length);
  let last = 0;
  let marked = 0;
  for (let i = 0; i < data.length; i++) {
    const own = labels.data[i];
    // Neighbours are alike, as a rule.
    if (own !== last) {
      if (own !== 0 && !known.has(own)) {
        throw new VolumeError(
          labels.name ?? 'labels',
          `There is a ${own} in it, which ${FILE} has no label for.`,
          {
            remedy: 'Correct the labels, or name the value.',
          },
        );
      }
      last = own;
      marked = finding.has(own) ? 1 : 0;
    }
    data[i] = marked;
  }
  return { ...labels, data };
}
