/** Which output of an encoder a heatmap is made of: a class by its name or its number. */
import { UsageError } from '../errors.ts';
import type { Encoder } from './external.ts';
import { nearest, quoted } from './nearest.ts';

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
