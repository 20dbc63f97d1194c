/** The same image under two names: a case that is in training and validation, or positive and negative, teaches a lie. */
import type { Check } from './check.ts';
import { type CaseFacts, type CohortFacts, isConstant } from './facts.ts';

export const duplicateChecks: readonly Check[] = [
  {
    name: 'image-twice',
    level: 'error',
    looksAt: 'cohort',
    finds: 'cases with the same voxels: in two splits or with different labels an error, otherwise a warning',
    *run(cohort) {
      for (const cases of sharing(cohort)) {
        const several = (value: (facts: CaseFacts) => unknown) => new Set(cases.map(value)).size > 1;
        const splits = several(({ row }) => row.split);
        const labels = several(({ row }) => row.labels.join());
        const where = [...(splits ? ['in two splits'] : []), ...(labels ? ['with different labels'] : [])];
        const names = cases.map(({ row }) => row.name).sort();
        const all = `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
        const [first] = cases.filter(({ row }) => row.name === names[0]);
        yield {
          subject: first.images[0].path,
          level: splits || labels ? 'error' : 'warning',
          message: `The voxels of ${all} are the same${where.length > 0 ? `, ${where.join(' and ')}` : ''}.`,
          remedy: 'Keep one of them, or name the right files.',
        };
      }
    },
  },
];

/** Cases that share a channel which says something, together; each set of cases once. */
function sharing({ cases }: CohortFacts): CaseFacts[][] {
  const byHash = new Map<string, Set<number>>();
  for (const [index, { images }] of cases.entries()) {
    for (const { volume } of images) {
      for (const channel of volume?.channels ?? []) {
        if (isConstant(channel)) continue;
        const key = `${volume!.shape.join()} ${channel.hash}`;
        byHash.set(key, (byHash.get(key) ?? new Set()).add(index));
      }
    }
  }
  const sets = new Map([...byHash.values()].map((indices) => [[...indices].join(), [...indices]]));
  return [...sets.values()]
    .filter((indices) => indices.length > 1)
    .map((indices) => indices.map((index) => cases[index]));
}
