/**
 * Names that somebody may have meant who wrote one that is none. Two names are near when few letters differ; case does
 * not count, and a part of a name stands for the whole.
 */

/** As many as one cares to read. */
const mostNames = 3;

export interface NearestOptions {
  /**
   * Compare with the part of each name that is nearest, not with the whole of it: for names in which people remember
   * the middle, such as `/layer1/layer1.0/act2/Relu_output_0`.
   */
  readonly parts?: boolean;
}

/**
 * Up to three names that differ from `wanted` in few letters or contain it, nearest first; of names that are equally
 * near, those that come first in the list.
 */
export function nearest(
  wanted: string,
  names: readonly string[],
  { parts = false }: NearestOptions = {},
): string[] {
  const low = wanted.toLowerCase();
  return (
    names
      .map((name) => {
        const other = name.toLowerCase();
        const contained = low.length > 1 && other.includes(low);
        // Some part of a long name is always a little like what is wanted.
        const allowed = Math.ceil(parts ? low.length / 4 : other.length / 3);
        return { name, distance: contained ? 0 : editDistance(low, other, parts), allowed };
      })
      // Where every letter differs nothing is alike.
      .filter(({ distance, allowed }) => distance <= allowed && distance < low.length)
      .sort((a, b) => a.distance - b.distance)
      .slice(0, mostNames)
      .map(({ name }) => name)
  );
}

/** Names in quotes, as sentences list them. */
export function quoted(names: readonly string[], separator = ' or '): string {
  return names.map((name) => `"${name}"`).join(separator);
}

/**
 * Levenshtein's distance: letters inserted, deleted or replaced. Of `a` from the nearest part of `b` it is Sellers'
 * ("The theory and computation of evolutionary distances", 1980): beginning and ending anywhere in `b` costs nothing.
 */
function editDistance(a: string, b: string, part: boolean): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => (part ? 0 : j));
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next[j] = Math.min(row[j] + 1, next[j - 1] + 1, row[j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1));
    }
    row = next;
  }
  return part ? Math.min(...row) : row[b.length];
}
