/**
 * Elements that a vendor keeps for itself (PS3.5 7.8): in an odd group the vendor's name stands in an element 0010 to 00ff,
 * whose last two digits are the first two of the vendor's own elements. So the name is looked up, never the place.
 */
import type { Dataset } from './object.ts';

const FIRST_BLOCK = 0x10;
const LAST_BLOCK = 0xff;

/**
 * The tag of a vendor's element in this data set; undefined when the vendor has left nothing.
 * @param group four hexadecimal digits.
 * @param element the last two of the element's.
 */
export function privateTag(
  dataset: Dataset,
  group: string,
  creator: string,
  element: string,
): string | undefined {
  for (let block = FIRST_BLOCK; block <= LAST_BLOCK; block++) {
    const digits = block.toString(16);
    if (dataset.string(`${group}00${digits}`) === creator) return `${group}${digits}${element}`;
  }
  return undefined;
}
