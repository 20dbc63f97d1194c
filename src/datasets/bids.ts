/**
 * A data set in the Brain Imaging Data Structure (BIDS 1.10): sub-XX[/ses-YY]/DATATYPE/sub-XX[_ses-YY][_key-value]_SUFFIX.nii.gz.
 * Labels come from a column of participants.tsv or, where visits differ, of sub-XX_sessions.tsv; masks from a derivative.
 */
import { listed, TonnoError, UsageError } from '../errors.ts';
import type { Adapter, Study } from './adapter.ts';
import { findMasks, findVisits, PARTICIPANTS, readColumn, type Visit } from './bids/folders.ts';
import { type BidsFile, bestMatches, type Entities, parseEntities } from './bids/names.ts';
import { caseNames } from './case-names.ts';
import { prepareStacked, type StackedSource } from './stacked.ts';

const MASK_SUFFIXES = ['mask', 'dseg'];

export const bids: Adapter = {
  summary: 'a BIDS data set, with labels from participants.tsv',
  description: [
    'Takes sub-XX[/ses-YY]/DATATYPE/..._SUFFIX.nii.gz: a case is a session of a participant, its channels are the files with the suffixes that are chosen, on one grid.',
    'Where several files have a suffix, --entities says which: "acq-mprage,run-1" takes those with these entities, or without them where there are no others; "acq-" takes those without.',
    'The label is that of --label, a column of participants.tsv or of sub-XX_sessions.tsv; without it a case is positive where its mask has anything in it.',
    'Masks are files ..._mask or ..._dseg in derivatives/NAME.',
    'Preprocessing: zero mean and unit deviation in each channel, and its minimum outside the volume.',
  ].join(' '),
  options: [
    { flags: '--label <column>', description: `of ${PARTICIPANTS} or of sessions.tsv` },
    {
      flags: '--positive <values>',
      description:
        'values of the column that are positive, with commas; all others are negative (1, if all are 0 or 1)',
    },
    {
      flags: '--suffixes <names>',
      description: 'channels: T1w,FLAIR; the only one that all have, if there is one',
    },
    { flags: '--entities <entities>', description: 'which of several files: acq-mprage,run-1' },
    {
      flags: '--masks <derivative>',
      description: 'where the masks are: derivatives/NAME; "." for among the images',
    },
    { flags: '--mask-entities <entities>', description: 'which of several masks: label-lesion' },
  ],
  validation: { positive: 0.2, negative: 0.2 },
  preprocessing: { normalise: 'zscore', outside: 'minimum' },

  async find(folder, settings) {
    const { label: column, positive, masks } = settings;
    if (column === undefined && masks === undefined) {
      throw new UsageError('bids', 'Nothing says which participants are positive.', {
        remedy: `Name a column of ${PARTICIPANTS} with --label, or the derivative that holds the masks with --masks.`,
      });
    }
    if (column === undefined && positive !== undefined) {
      throw new UsageError('--positive', 'It gives values, but no column.', {
        remedy: 'Name it with --label.',
      });
    }
    const visits = await findVisits(folder, '');
    if (visits.length === 0) {
      throw new TonnoError(folder.name, 'There are no folders sub-XX with files of volumes.', {
        remedy: 'Give the folder of a BIDS data set, which holds participants.tsv and sub-XX.',
      });
    }
    const suffixes = chooseSuffixes(visits, settings.suffixes, folder.name);
    const wanted = parseEntities(settings.entities, '--entities');
    const maskWanted = parseEntities(settings.maskEntities, '--mask-entities');
    const drawn = masks === undefined ? undefined : await findMasks(folder, masks);
    const values = column === undefined ? undefined : await readColumn(folder, visits, column);
    const labels = values && labelsOf(values.byVisit, column!, positive, folder.name);

    const notes: string[] = [];
    const left = { label: [] as string[], mask: [] as string[] };
    const names = caseNames(visits.map(({ name }) => name));
    const studies: Study[] = [];
    for (const [i, visit] of visits.entries()) {
      const title = visit.name;
      const subject = `${folder.name}, ${title}`;
      const images = suffixes.map((suffix) =>
        chooseFile(visit.files, [suffix], wanted, subject, '--entities'),
      );
      const absent = suffixes.filter((_, c) => images[c] === undefined);
      const mask = chooseFile(drawn?.get(title) ?? [], MASK_SUFFIXES, maskWanted, subject, '--mask-entities');
      const label = labels?.get(title);
      if (absent.length > 0) {
        notes.push(
          `${title} was left out: there is no file ${absent.map((suffix) => `_${suffix}`).join(', ')}.`,
        );
      } else if (labels && label === undefined) left.label.push(title);
      else if (!labels && mask === undefined) left.mask.push(title);
      else {
        const source: StackedSource = { images: images.map((file) => file!.path), mask: mask?.path, label };
        studies.push({ name: names[i], patient: visit.participant, source });
      }
    }
    if (left.label.length > 0) notes.push(`Left out, as ${column} is not known: ${listed(left.label)}.`);
    if (left.mask.length > 0) notes.push(`Left out, as there is no mask: ${listed(left.mask)}.`);
    const strangers = (values?.participants ?? []).filter(
      (participant) => !visits.some((visit) => visit.participant === participant),
    );
    if (strangers.length > 0) notes.push(`In ${PARTICIPANTS}, but without files: ${listed(strangers)}.`);
    if (studies.length === 0) {
      throw new TonnoError(folder.name, `None of its sessions can be used. ${notes.join(' ')}`, {
        remedy: 'Choose others with --suffixes, --label or --masks.',
      });
    }
    return { studies, classes: ['label'], channels: suffixes, notes };
  },

  async prepare(study, folder, _settings, signal) {
    return [
      await prepareStacked(study, folder, 'Check --label and --positive, or leave --masks out.', signal),
    ];
  },
};

/**
 * The suffixes of the channels.
 * @throws UsageError when none was chosen and not one alone is there for all; TonnoError when a chosen one is nowhere.
 */
function chooseSuffixes(visits: readonly Visit[], setting: string | undefined, folder: string): string[] {
  const counts = new Map<string, number>();
  for (const { files } of visits) {
    for (const suffix of new Set(files.map((file) => file.suffix))) {
      counts.set(suffix, (counts.get(suffix) ?? 0) + 1);
    }
  }
  const images = [...counts].filter(([suffix]) => !MASK_SUFFIXES.includes(suffix));
  const found = images
    .map(([suffix, count]) => `${suffix} (in ${count} of ${visits.length} sessions)`)
    .join(', ');
  if (setting === undefined) {
    const everywhere = images.filter(([, count]) => count === visits.length);
    if (everywhere.length === 1) return [everywhere[0][0]];
    throw new UsageError('--suffixes', `It is not clear which files are the channels: there are ${found}.`, {
      remedy: 'Choose one or several, with commas: --suffixes T1w,FLAIR.',
    });
  }
  const chosen = setting.split(',').map((suffix) => suffix.trim());
  if (chosen.includes('') || new Set(chosen).size < chosen.length) {
    throw new UsageError('--suffixes', `${JSON.stringify(setting)} is no list of suffixes.`, {
      remedy: 'Give each once, with commas: T1w,FLAIR.',
    });
  }
  const unknown = chosen.find((suffix) => !counts.has(suffix));
  if (unknown !== undefined) {
    throw new TonnoError(folder, `There are no files _${unknown}.nii.gz.`, { remedy: `There are ${found}.` });
  }
  return chosen;
}

/** @throws TonnoError when several files would do. */
function chooseFile(
  files: readonly BidsFile[],
  suffixes: readonly string[],
  wanted: Entities,
  subject: string,
  option: string,
): BidsFile | undefined {
  const matches = bestMatches(
    files.filter(({ suffix }) => suffixes.includes(suffix)),
    wanted,
  );
  if (matches.length < 2) return matches[0];
  throw new TonnoError(
    subject,
    `There are several files _${suffixes.join(' or _')}: ${matches.map(({ path }) => path.split('/').at(-1)).join(', ')}.`,
    {
      remedy: `Say which by what is in their names, with ${option}: acq-mprage,run-1; acq- for those without.`,
    },
  );
}

/**
 * Labels from a column's values.
 * @throws TonnoError when values are neither 0 nor 1 and nobody says which are positive, or such a value is nowhere.
 */
function labelsOf(
  values: ReadonlyMap<string, string>,
  column: string,
  positive: string | undefined,
  folder: string,
): Map<string, number> {
  const kinds = [...new Set(values.values())].sort();
  const subject = `${folder}, column ${column}`;
  const seen = `The values are ${listed(kinds.map((kind) => JSON.stringify(kind)))}.`;
  if (positive === undefined) {
    const other = kinds.find((kind) => kind !== '0' && kind !== '1');
    if (other !== undefined) {
      throw new TonnoError(subject, `${JSON.stringify(other)} is neither 0 nor 1. ${seen}`, {
        remedy: 'Say which are positive with --positive.',
      });
    }
    return new Map([...values].map(([visit, value]) => [visit, Number(value)]));
  }
  const positives = positive.split(',').map((value) => value.trim());
  const unknown = positives.find((value) => !kinds.includes(value));
  if (unknown !== undefined) {
    throw new TonnoError(subject, `Nowhere is it ${JSON.stringify(unknown)}. ${seen}`, {
      remedy: 'Correct --positive.',
    });
  }
  return new Map([...values].map(([visit, value]) => [visit, positives.includes(value) ? 1 : 0]));
}
