/**
 * A plain folder for each class: those with the finding are named, or known by their names, and all others are without
 * it. In them lie volumes of any format, or folders of DICOM files, also in folders of patients and studies. A case is
 * called after its path in the folder of its class; the files of its channels differ in the end of their names alone.
 */
import { listed, TonnoError, UsageError, VolumeError } from '../errors.ts';
import type { Volume } from '../volume/volume.ts';
import type { Adapter, AdapterSettings, FoundStudies, PreparedCase, SourceFolder, Study } from './adapter.ts';
import { PATIENT_OPTION, patientRule, requireOwnNames, studyName, volumeStem } from './names.ts';

/** Names by which two folders are known, without capitals. */
const POSITIVE = [
  'positive',
  'pos',
  '1',
  'lesion',
  'lesions',
  'abnormal',
  'tumor',
  'tumour',
  'disease',
  'yes',
];
const NEGATIVE = ['negative', 'neg', '0', 'healthy', 'normal', 'control', 'controls', 'no'];
/** Names of folders that are no classes, as good as certainly. */
const MASK_FOLDERS = ['mask', 'masks', 'label', 'labels', 'segmentation', 'segmentations', 'annotations'];
/** Endings of DICOM files; many have none. */
const DICOM = /^[^.]+$|\.\d+$|\.(dcm|ima|dicom)$/i;
const DICOM_INDEX = /^dicomdir$/i;
/** What may stand between a case's name and its channel's. */
const SEPARATORS = /^[_\-. ]+|[_\-. ]+$/g;
/** How masks are called beside the volume's own name. */
const MASK_NAMES = ['', '_mask'];

export const folders: Adapter = {
  summary: 'a plain folder for each class, volumes of any format',
  description:
    'Takes the volumes of any format and the folders of DICOM files in one folder for each class. Positive is what lies in the folders named with --positive, and negative all else; two folders such as positive and negative, 1 and 0, lesion and healthy are known by their names. A fifth of the patients goes to validation.',
  options: [
    { flags: '--positive <folders>', description: 'those with the finding, commas between' },
    { flags: '--masks <folder>', description: 'with a mask for each volume of the same name' },
    { flags: '--channels <ends>', description: 'ends of files’ names such as _ct,_pet' },
    { flags: '--series <id>', description: 'of DICOM: its UID, number or part of its description' },
    { flags: '--no-suv', description: 'leave PET in DICOM in its stored units' },
    { ...PATIENT_OPTION, description: `${PATIENT_OPTION.description} (the first folder, or the name)` },
  ],
  validation: { positive: 0.2, negative: 0.2 },
  preprocessing: { normalise: 'zscore', outside: 'minimum' },
  find,
  prepare,
};

/** A case as `prepare` needs it. */
interface Source {
  readonly images: readonly string[];
  readonly mask?: string;
  readonly label: 0 | 1;
}

/** A volume, or a folder of DICOM files. */
interface Entry {
  readonly path: string;
  /** Names from the folder of the class on, the last without its ending. */
  readonly parts: readonly string[];
}

/** The volumes of a case in the order of the channels. */
interface FoundCase {
  readonly folder: string;
  readonly parts: readonly string[];
  readonly images: readonly string[];
}

async function find(source: SourceFolder, settings: AdapterSettings): Promise<FoundStudies> {
  const { folders: all } = await source.list('');
  const maskFolder = settings.masks?.replace(/\/+$/, '');
  const classes = all.filter((name) => name !== maskFolder);
  const positive = choosePositive(classes, settings.positive, source);
  refuseMaskFolder(classes, positive, maskFolder, source);
  const passedOver: string[] = [];
  const ends = settings.channels === undefined ? undefined : channelEnds(settings.channels);
  const found: FoundCase[] = [];
  for (const folder of classes) {
    const entries = await findEntries(source, folder, passedOver);
    const cases = ends ? groupChannels(entries, ends, passedOver) : entries.map(alone);
    if (cases.length === 0) {
      throw new TonnoError(`${source.name}/${folder}`, 'There is no volume in it.', {
        remedy: 'Take the folder away, or name it with --masks if it holds masks.',
      });
    }
    for (const { parts, images } of cases) found.push({ folder, parts, images });
  }
  const notes: string[] = [];
  const masks =
    maskFolder === undefined ? undefined : await findMasks(source, maskFolder, found, notes, passedOver);
  const studies = nameStudies(found, source, settings.patient, ({ folder }, i) => ({
    label: positive.includes(folder) ? 1 : 0,
    images: found[i].images,
    mask: masks?.[i],
  }));
  if (passedOver.length > 0) notes.push(`No volumes, and passed over: ${listed(passedOver, 3)}.`);
  const channels = ends?.map((end) => end.replace(SEPARATORS, '')) ?? ['image'];
  return { studies, classes: ['label'], channels, notes };
}

function choosePositive(
  classes: readonly string[],
  wanted: string | undefined,
  source: SourceFolder,
): readonly string[] {
  const list = classes.length > 0 ? classes.join(', ') : 'none';
  if (wanted !== undefined) {
    const chosen = wanted.split(',').map((name) => name.trim().replace(/\/+$/, ''));
    const unknown = chosen.find((name) => !classes.includes(name));
    if (unknown !== undefined) {
      throw new UsageError(`--positive ${wanted}`, `There is no folder ${JSON.stringify(unknown)}.`, {
        remedy: `The folders are ${list}.`,
      });
    }
    if (chosen.length < classes.length) return chosen;
    throw new UsageError(`--positive ${wanted}`, 'No folder is left for cases without the finding.', {
      remedy: 'Put them in a folder of their own beside the others.',
    });
  }
  const known = (names: readonly string[]) => classes.filter((name) => names.includes(name.toLowerCase()));
  const [positive, negative] = [known(POSITIVE), known(NEGATIVE)];
  if (classes.length === 2 && positive.length === 1 && negative.length === 1) return positive;
  throw new TonnoError(source.name, `Which of its folders hold cases with the finding (${list})?`, {
    remedy: 'Name them with --positive; there must be another for cases without it.',
  });
}

/** A forgotten --masks must not make negatives of masks. */
function refuseMaskFolder(
  classes: readonly string[],
  positive: readonly string[],
  masks: string | undefined,
  source: SourceFolder,
): void {
  const likely = classes.find(
    (name) => MASK_FOLDERS.includes(name.toLowerCase()) && !positive.includes(name),
  );
  if (likely === undefined || masks !== undefined) return;
  throw new TonnoError(
    `${source.name}/${likely}`,
    'By its name it holds masks, and would be a class of its own.',
    {
      remedy: `Add --masks ${likely}, or rename it.`,
    },
  );
}

/** All volumes below a folder. */
async function findEntries(
  source: SourceFolder,
  folder: string,
  passedOver: string[],
  parts: readonly string[] = [],
): Promise<Entry[]> {
  const path = [folder, ...parts].join('/');
  const { files, folders: inside } = await source.list(path);
  const volumes = files.flatMap((file): Entry[] => {
    const stem = volumeStem(file);
    return stem === undefined ? [] : [{ path: `${path}/${file}`, parts: [...parts, stem] }];
  });
  const others = files.filter((file) => volumeStem(file) === undefined && !DICOM_INDEX.test(file));
  const dicom = others.filter((file) => DICOM.test(file));
  if (dicom.length > 0 && volumes.length === 0) {
    if (parts.length > 0) return [{ path, parts }];
    throw new TonnoError(
      `${source.name}/${path}/${dicom[0]}`,
      'It has no ending that says which volume it holds.',
      {
        remedy: 'Put the DICOM files of each series in a folder of their own.',
      },
    );
  }
  passedOver.push(...others.map((file) => `${path}/${file}`));
  const below: Entry[] = [];
  for (const name of inside) below.push(...(await findEntries(source, folder, passedOver, [...parts, name])));
  return [...volumes, ...below];
}

const alone = ({ path, parts }: Entry) => ({ parts, images: [path] });

function channelEnds(text: string): string[] {
  const ends = text.split(',').map((end) => end.trim());
  const names = ends.map((end) => end.replace(SEPARATORS, ''));
  if (names.includes('') || new Set(names).size < names.length) {
    throw new UsageError(`--channels ${text}`, 'Two channels would have one name, or one has none.', {
      remedy: 'Write the ends of the names, each once, such as _ct,_pet.',
    });
  }
  return ends;
}

/** @throws TonnoError when a case lacks a channel. */
function groupChannels(
  entries: readonly Entry[],
  ends: readonly string[],
  passedOver: string[],
): Omit<FoundCase, 'folder'>[] {
  const cases = new Map<string, { parts: readonly string[]; images: (string | undefined)[] }>();
  // Of _t1c and c, or of _ct and t, the longer one is meant.
  const longest = [...ends.keys()].sort((a, b) => ends[b].length - ends[a].length);
  for (const { path, parts } of entries) {
    const name = parts[parts.length - 1];
    const channel = longest.find((i) => name.endsWith(ends[i]));
    if (channel === undefined) {
      passedOver.push(path);
      continue;
    }
    const stem = name.slice(0, name.length - ends[channel].length).replace(/[_\-. ]+$/, '');
    const own = [...parts.slice(0, -1), stem].filter((part) => part !== '');
    const at = path.slice(0, path.length - path.split('/').pop()!.length);
    const key = `${at}${stem}`;
    const one = cases.get(key) ?? { parts: own, images: ends.map(() => undefined) };
    cases.set(key, one);
    if (one.images[channel] !== undefined) {
      throw new TonnoError(path, `Its case has this channel already, in ${one.images[channel]}.`, {
        remedy: 'Take one of them away.',
      });
    }
    one.images[channel] = path;
  }
  return [...cases].map(([key, { parts, images }]) => {
    const missing = images.indexOf(undefined);
    if (missing >= 0 || parts.length === 0) {
      throw new TonnoError(
        key,
        missing >= 0 ? `It has no channel ${ends[missing]}.` : 'Nothing tells its case from others.',
        { remedy: 'Each case has a file, or a folder of DICOM files, for each channel.' },
      );
    }
    return { parts, images: images as string[] };
  });
}

/** The mask of each case, where it has one. */
async function findMasks(
  source: SourceFolder,
  folder: string,
  cases: readonly FoundCase[],
  notes: string[],
  passedOver: string[],
): Promise<(string | undefined)[]> {
  const entries = await findEntries(source, folder, passedOver, []);
  const paths = new Map(entries.map(({ path, parts }) => [parts.join('/'), path]));
  const taken = new Map<string, string>();
  const masks = cases.map((one) => {
    const own = [`${one.folder}/${one.parts.join('/')}`, one.parts.join('/'), one.parts.join('_')];
    const key = own
      .flatMap((name) => MASK_NAMES.map((end) => `${name}${end}`))
      .find((name) => paths.has(name));
    if (key === undefined) return undefined;
    const path = paths.get(key)!;
    const first = taken.get(path);
    if (first !== undefined) {
      throw new TonnoError(
        `${source.name}/${path}`,
        `It would be the mask of both ${first} and ${one.images[0]}.`,
        {
          remedy: `Put the masks in folders of their classes, such as ${folder}/${one.folder}.`,
        },
      );
    }
    taken.set(path, one.images[0]);
    return path;
  });
  if (taken.size === 0) {
    throw new TonnoError(`${source.name}/${folder}`, 'None of its masks has the name of a volume.', {
      remedy: 'Call each mask like its volume.',
    });
  }
  const left = entries.filter(({ path }) => !taken.has(path)).map(({ path }) => path);
  if (left.length > 0) notes.push(`Masks of no volume, and left out: ${listed(left, 3)}.`);
  return masks;
}

/** Cases are called after their paths, and after their classes too where that alone tells them apart. */
function nameStudies(
  cases: readonly FoundCase[],
  { name: subject }: SourceFolder,
  patient: string | undefined,
  sourceOf: (one: FoundCase, index: number) => Source,
): Study[] {
  const plain = cases.map(({ parts }) => parts.join('_'));
  const classesOf = new Map<string, Set<string>>();
  for (const [i, { folder }] of cases.entries()) {
    const key = studyName(plain[i]).toLowerCase();
    classesOf.set(key, (classesOf.get(key) ?? new Set()).add(folder));
  }
  const apart = [...classesOf.values()].some((folders) => folders.size > 1);
  const patientOf = patient === undefined ? undefined : patientRule(patient);
  const studies = cases.map((one, i) => ({
    name: studyName(apart ? `${one.folder}_${plain[i]}` : plain[i]),
    // A name that comes in both classes is one patient's: no network must learn from one and be judged by the other.
    patient: patientOf?.(plain[i]) ?? one.parts[0],
    source: sourceOf(one, i),
  }));
  requireOwnNames(
    studies.map(({ name, source }) => ({ name, from: source.images[0] })),
    subject,
  );
  return studies;
}

async function prepare({ name, source }: Study, folder: SourceFolder): Promise<readonly PreparedCase[]> {
  const { images: paths, mask: maskPath, label } = source as Source;
  const images: Volume[] = [];
  for (const path of paths) {
    const volume = await folder.readVolume(path);
    if (volume.channels !== 1) {
      throw new VolumeError(volume.name ?? path, `It has ${volume.channels} channels.`, {
        remedy: 'Write each channel to a file of its own and name them with --channels.',
      });
    }
    images.push(volume);
  }
  const mask = maskPath === undefined ? undefined : markedMask(await folder.readVolume(maskPath), label);
  return [{ name, labels: [label], images, mask }];
}

/** Whatever is not 0 is marked. @throws VolumeError when that contradicts the folder of the case. */
function markedMask(volume: Volume, label: 0 | 1): Volume {
  const subject = volume.name ?? 'mask';
  const odd = volume.data.find((value) => !Number.isInteger(value));
  if (odd !== undefined) {
    throw new VolumeError(subject, `There is a ${odd} in it, so it is no mask.`, {
      remedy: 'Give masks of whole numbers.',
    });
  }
  const data = volume.data.map((value) => (value === 0 ? 0 : 1));
  if (data.includes(1) === (label === 1)) return { ...volume, data };
  throw new VolumeError(
    subject,
    label === 1
      ? 'It is empty, but its volume lies among those with the finding.'
      : 'It is not empty, but its volume lies among those without the finding.',
    { remedy: 'Correct the mask, or put the volume in the other folder.' },
  );
}
