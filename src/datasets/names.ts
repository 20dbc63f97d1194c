/** Names in archives: which files hold a volume, what a study can be called, and whose it is. */
import { TonnoError, UsageError } from '../errors.ts';

/** Endings of files that hold a volume or, as .nhdr and .mhd, name the file that does. */
const ENDINGS = ['.nii.gz', '.nii', '.nrrd', '.nhdr', '.mha', '.mhd', '.npy'];

/** The name of a volume's file without its ending; undefined where that says nothing of a volume, and of hidden files. */
export function volumeStem(file: string): string | undefined {
  if (file.startsWith('.')) return undefined;
  const ending = ENDINGS.find((own) => file.toLowerCase().endsWith(own));
  return ending && file.slice(0, -ending.length);
}

/** A text with everything replaced that is not fit for a study's name. */
export function studyName(text: string): string {
  return text
    .normalize('NFC')
    .replace(/[^\p{L}\p{M}\p{N}._-]+/gu, '-')
    .replace(/^[.-]+/, '');
}

/**
 * Makes sure that no two studies would have files of one name, also where capitals do not count.
 * @throws TonnoError that names where the two come from.
 */
export function requireOwnNames(
  studies: readonly { readonly name: string; readonly from: string }[],
  subject: string,
): void {
  const seen = new Map<string, string>();
  for (const { name, from } of studies) {
    const key = name.toLowerCase();
    const first = seen.get(key);
    if (first !== undefined) {
      throw new TonnoError(subject, `Both ${first} and ${from} would be the case ${name}.`, {
        remedy: 'Rename one of them.',
      });
    }
    seen.set(key, from);
  }
}

/**
 * Whose a case is, by a regular expression whose first group finds the patient in the case's name.
 * @throws UsageError when the text is none; the rule throws TonnoError for a name that it does not fit.
 */
export function patientRule(text: string): (name: string) => string {
  const option = `--patient ${text}`;
  let expression: RegExp;
  try {
    expression = new RegExp(text, 'u');
  } catch (cause) {
    throw new UsageError(option, `It is no regular expression. ${(cause as Error).message}.`, {
      remedy: 'Write one such as ^([^_]+)_.',
      cause,
    });
  }
  if (new RegExp(`${text}|`, 'u').exec('')!.length < 2) {
    throw new UsageError(option, 'It has no group, so it does not say which part is the patient.', {
      remedy: 'Put the part in brackets, as in ^([^_]+)_.',
    });
  }
  return (name) => {
    const patient = expression.exec(name)?.[1];
    if (patient) return patient;
    throw new TonnoError(option, `It finds no patient in the case ${name}.`, {
      remedy: 'Give an expression that fits every case.',
    });
  };
}

/** The option of `patientRule`. */
export const PATIENT_OPTION = {
  flags: '--patient <regex>',
  description: 'its group is the patient in a case’s name',
} as const;
