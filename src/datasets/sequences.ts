/**
 * A folder of studies, each with several registered sequences in files of their own, as in the paper's multiple sclerosis
 * data: PATIENT/STUDY/files, or STUDY/files. Which file is which sequence is told by its name. The patient is the topmost
 * folder, so that visits of one patient stay in one split.
 */
import { listed, TonnoError, UsageError } from '../errors.ts';
import { decodeTable, namedRows } from '../formats/spreadsheet.ts';
import type { Adapter, AdapterSettings, SourceFolder, Study } from './adapter.ts';
import { pathIn } from './archive.ts';
import { readTable } from './archive-tables.ts';
import { caseNames } from './case-names.ts';
import { volumeStem } from './names.ts';
import { prepareStacked, type StackedSource } from './stacked.ts';

/** A folder with volumes in it. */
interface StudyFolder {
  /** From the archive's folder. */
  readonly path: string;
  readonly files: readonly string[];
}

/** Folders of studies below the one that is given. */
const DEEPEST = 4;

export const sequences: Adapter = {
  summary: 'a folder of studies, each with several registered sequences',
  description: [
    'Takes folders PATIENT/STUDY or STUDY with a file for each sequence, all on one grid, and stacks the sequences of a study as channels, in the order of --channels.',
    'A file is that of a channel when its name, without the ending, is the channel\'s, ends with it, or has it set off by "_", "-", "." or a space: t1 is found in t1.nii.gz, p01_t1.nii.gz and p01_t1_brain.nii.gz, but not in p01_t1gd.nii.gz.',
    'A study is positive where its mask has anything in it, or where a table says so; all studies of a patient go to one split.',
    'Preprocessing: zero mean and unit deviation in each channel, and its minimum outside the volume.',
  ].join(' '),
  options: [
    { flags: '--channels <names>', description: 'names of the sequences, with commas', required: true },
    { flags: '--mask <name>', description: "name of the mask's file, found like a sequence" },
    {
      flags: '--labels <file>',
      description:
        'table with the columns study (or case) and label, 0 or 1; from SOURCE, as .csv, .tsv or .xlsx',
    },
  ],
  // Table 3 of the paper, multiple sclerosis.
  validation: { positive: 181 / (1786 + 181), negative: 783 / (6363 + 783) },
  preprocessing: { normalise: 'zscore', outside: 'minimum' },

  async find(folder, settings) {
    const channels = channelNames(settings.channels);
    const maskName = settings.mask?.trim();
    if (!maskName && !settings.labels) {
      throw new UsageError('sequences', 'Nothing says which studies are positive.', {
        remedy: 'Give the name of the mask with --mask, or a table with --labels.',
      });
    }
    if (maskName && channels.some((name) => name.toLowerCase() === maskName.toLowerCase())) {
      throw new UsageError('--mask', `${maskName} is among the channels.`, {
        remedy: 'The mask is no channel: take it out of --channels.',
      });
    }
    const folders = await studyFolders(folder, '', 0);
    if (folders.length === 0) {
      throw new TonnoError(folder.name, 'There are no folders with volumes in it.', {
        remedy: 'Give the folder that holds PATIENT/STUDY or STUDY folders.',
      });
    }
    const names = caseNames(folders.map(({ path }) => path.replaceAll('/', '_')));
    const table = await readLabels(folder, folders, names, settings);

    const notes: string[] = [];
    const unlabelled: string[] = [];
    const studies: Study[] = [];
    for (const [i, study] of folders.entries()) {
      const wanted = maskName ? [...channels, maskName] : channels;
      const found = assign(study, wanted, folder.name);
      const images = channels.map((name) => found.get(name));
      const missing = channels.filter((_, c) => images[c] === undefined);
      const mask = maskName ? found.get(maskName) : undefined;
      const label = table?.labels.get(study.path);
      if (missing.length > 0) {
        notes.push(`${study.path} was left out: there is no file for ${missing.join(', ')}.`);
      } else if (table ? label === undefined : mask === undefined) {
        unlabelled.push(study.path);
      } else {
        const source: StackedSource = { images: images as string[], mask, label };
        studies.push({ name: names[i], patient: study.path.split('/')[0], source });
      }
    }
    if (unlabelled.length > 0) {
      const why = table ? `${settings.labels} has no label of them` : `there is no file for ${maskName}`;
      notes.push(`Left out, as ${why}: ${listed(unlabelled)}.`);
    }
    if (table && table.unknown.length > 0) {
      notes.push(`${settings.labels} has labels of what is not there: ${listed(table.unknown)}.`);
    }
    if (studies.length === 0) {
      throw new TonnoError(folder.name, `None of its studies can be used. ${notes[0]}`, {
        remedy: `${folders[0].path} has ${listed(folders[0].files)}: give names that are in these with --channels and --mask.`,
      });
    }
    return { studies, classes: ['label'], channels, notes };
  },

  async prepare(study, folder, _settings, signal) {
    return [await prepareStacked(study, folder, 'Correct the table of labels or the mask.', signal)];
  },
};

function channelNames(setting: string | undefined): string[] {
  const names = (setting ?? '').split(',').map((name) => name.trim());
  const lower = names.map((name) => name.toLowerCase());
  if (names.includes('') || new Set(lower).size < names.length) {
    throw new UsageError('--channels', `${JSON.stringify(setting ?? '')} is no list of names.`, {
      remedy: 'Give each sequence once, with commas: t1,pd,t2,flair,t1gd.',
    });
  }
  return names;
}

/** A folder with volumes is a study; what lies below it belongs to it and is not looked at. */
async function studyFolders(folder: SourceFolder, path: string, depth: number): Promise<StudyFolder[]> {
  const { files, folders } = await folder.list(path);
  const volumes = files.filter((file) => volumeStem(file) !== undefined);
  // Volumes in SOURCE itself belong to no study.
  if (volumes.length > 0 && path !== '') return [{ path, files: volumes }];
  if (depth >= DEEPEST) return [];
  const below: StudyFolder[] = [];
  for (const name of folders) {
    if (!name.startsWith('.')) below.push(...(await studyFolders(folder, pathIn(path, name), depth + 1)));
  }
  return below;
}

/**
 * The file of each name that has one, as paths.
 * @throws TonnoError when several files fit a name equally well, or one file fits two names.
 */
function assign({ path, files }: StudyFolder, names: readonly string[], folder: string): Map<string, string> {
  const found = new Map<string, string>();
  for (const name of names) {
    const ranks = files.map((file) => likeness(volumeStem(file)!, name));
    const best = Math.max(...ranks);
    if (best === 0) continue;
    const fitting = files.filter((_, i) => ranks[i] === best);
    if (fitting.length > 1) {
      throw new TonnoError(pathIn(folder, path), `Several files fit ${name}: ${fitting.join(', ')}.`, {
        remedy: 'Give a longer part of the name, such as t1_brain.',
      });
    }
    const other = [...found].find(([, file]) => file === pathIn(path, fitting[0]))?.[0];
    if (other !== undefined) {
      throw new TonnoError(pathIn(folder, path), `${fitting[0]} fits both ${other} and ${name}.`, {
        remedy: 'One of them has no file of its own: add it, or give longer parts of the names.',
      });
    }
    found.set(name, pathIn(path, fitting[0]));
  }
  return found;
}

/** 3 where the stem is the name, 2 where it ends with it, 1 where it has it, set off from the rest; else 0. */
function likeness(stem: string, name: string): number {
  const [whole, part] = [stem, name].map((text) => `_${text.toLowerCase().replace(/[-. ]/g, '_')}_`);
  if (whole === part) return 3;
  if (whole.endsWith(part)) return 2;
  return whole.includes(part) ? 1 : 0;
}

/** Labels by path. A row names a study by its path, the name of its case, or its folder where no other is called so. */
async function readLabels(
  folder: SourceFolder,
  folders: readonly StudyFolder[],
  names: readonly string[],
  { labels: path }: AdapterSettings,
): Promise<{ labels: Map<string, number>; unknown: string[] } | undefined> {
  if (path === undefined) return undefined;
  const { bytes, name } = await readTable(folder, path, '--labels');
  const table = await decodeTable(bytes, name);
  const rows = namedRows(table, ['label'], ['study', 'case']);
  const byName = new Map<string, string[]>();
  for (const [i, study] of folders.entries()) {
    for (const key of new Set([study.path, names[i], study.path.split('/').at(-1)!])) {
      byName.set(key, [...(byName.get(key) ?? []), study.path]);
    }
  }
  const labels = new Map<string, number>();
  const unknown: string[] = [];
  for (const { line, get } of rows) {
    const key = get('study') || get('case');
    const where = `${name}, line ${line}`;
    if (key === '') {
      throw new TonnoError(where, 'It names no study.', { remedy: 'Fill in the column study.' });
    }
    const studies = byName.get(key) ?? [];
    const exact = studies.filter((study) => study === key);
    const [study, another] = exact.length > 0 ? exact : studies;
    if (study === undefined) {
      unknown.push(key);
      continue;
    }
    if (another !== undefined) {
      throw new TonnoError(where, `${key} is ${another} as well as ${study}.`, {
        remedy: 'Write PATIENT/STUDY in the column study.',
      });
    }
    const text = get('label');
    if (text !== '0' && text !== '1') {
      throw new TonnoError(where, `The label of ${key} is ${JSON.stringify(text)}.`, {
        remedy: 'Write 1 where the finding is anywhere in the study and 0 where it is not.',
      });
    }
    if (labels.has(study) && labels.get(study) !== Number(text)) {
      throw new TonnoError(where, `${study} is there twice, with both labels.`, { remedy: 'Keep one line.' });
    }
    labels.set(study, Number(text));
  }
  return { labels, unknown };
}
