/** Which output of an encoder a heatmap is made of: a class by its name or its number. */
import { UsageError } from '../errors.ts';
import type { Encoder } from './external.ts';

/** As many names as fit in a sentence. */
const namesListed = 8;

/**
 * Index of the output that `choice` means: a class's name, or a number from 0 to K − 1. An encoder with one output
 * needs no choice.
 * @throws UsageError when a choice is needed and missing, out of range, or no class's name.
 */
export function resolveClass(
  encoder: Pick<Encoder, 'name' | 'outputs' | 'classes'>,
  choice: string | undefined,
): number {
  const { name, classes } = encoder;
  const outputs = encoder.outputs ?? (classes.length || undefined);
  if (choice === undefined) {
    if (outputs === 1) return 0;
    const problem =
      outputs === undefined
        ? 'How many classes this network has is not written in it, so a class must be chosen.'
        : `This network has ${outputs} classes, so one must be chosen.`;
    throw new UsageError(name, problem, { remedy: advice(classes, outputs) });
  }
  const named = classes.indexOf(choice);
  if (named >= 0) return named;
  if (/^\d+$/.test(choice)) {
    const index = Number(choice);
    if (outputs === undefined || index < outputs) return index;
    throw new UsageError(name, `There is no class ${choice}: this network has ${outputs}.`, {
      remedy: advice(classes, outputs),
    });
  }
  const near = nearest(choice, classes);
  throw new UsageError(
    name,
    classes.length > 0
      ? `There is no class "${choice}".`
      : `There is no class "${choice}": its classes have no names.`,
    { remedy: near.length > 0 ? `Did you mean ${quoted(near)}?` : advice(classes, outputs) },
  );
}

function advice(classes: readonly string[], outputs: number | undefined): string {
  if (classes.length > 0) {
    const more = classes.length > namesListed ? `, … (${classes.length} in all)` : '';
    return `Choose one of ${quoted(classes.slice(0, namesListed), ', ')}${more}.`;
  }
  if (outputs === undefined) return 'Choose it by its number, counted from 0.';
  return outputs === 1 ? 'Choose 0, or nothing.' : `Choose a number from 0 to ${outputs - 1}.`;
}

function quoted(names: readonly string[], separator = ' or '): string {
  return names.map((name) => `"${name}"`).join(separator);
}

/** Up to three names that differ from `wanted` in few letters or contain it, nearest first; case does not count. */
function nearest(wanted: string, names: readonly string[]): string[] {
  const low = wanted.toLowerCase();
  return names
    .map((name) => {
      const other = name.toLowerCase();
      const part = low.length > 1 && other.includes(low);
      return { name, distance: part ? 0 : editDistance(low, other), allowed: Math.ceil(other.length / 3) };
    })
    .filter(({ distance, allowed }) => distance <= allowed)
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** Levenshtein's distance: letters inserted, deleted or replaced. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return row[b.length];
}
