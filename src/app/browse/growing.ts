/**
 * A long list that is laid out as far as it is looked at. Laying out a thousand rows takes a sixth of a second, which a
 * person who types into the search would feel at every letter.
 */
import type { RefObject } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';

/** Rows at first, and more of them whenever the end comes near. */
const PORTION = 150;

/** How near that is. */
const NEAR = '800px';

export interface Growing {
  /** How many rows are laid out. */
  readonly length: number;
  /** For what stands behind the last of them: when it comes near, the list grows. */
  readonly end: RefObject<HTMLTableRowElement | null>;
  /** Lays out at least so many. */
  reach(length: number): void;
}

/**
 * @param list what is shown; another list begins at its beginning.
 * @param first rows that the first list has to begin with at least.
 */
export function useGrowing(list: readonly unknown[], first: number): Growing {
  const [grown, grow] = useState({ list, length: first });
  const begun = grown.list === list ? grown.length : 0;
  const length = Math.min(Math.max(begun, PORTION), list.length);
  const reach = useCallback((wanted: number) => grow({ list, length: wanted }), [list]);

  const end = useRef<HTMLTableRowElement>(null);
  useEffect(() => {
    if (!end.current) return;
    const observer = new IntersectionObserver(
      (entries) => {
        if (entries.some((entry) => entry.isIntersecting)) reach(length + PORTION);
      },
      { root: end.current.closest('[data-scrolls]'), rootMargin: NEAR },
    );
    observer.observe(end.current);
    return () => observer.disconnect();
  }, [length, reach]);

  return { length, end, reach };
}
