/** Small things that the browser remembers. Where it may not, the page works as on a first visit. */

export function remembered(key: string): unknown {
  try {
    const text = localStorage.getItem(`tonno.${key}`);
    return text === null ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}

export function remember(key: string, value: unknown): void {
  try {
    if (value === undefined) localStorage.removeItem(`tonno.${key}`);
    else localStorage.setItem(`tonno.${key}`, JSON.stringify(value));
  } catch {
    // Private windows and full disks: it is forgotten with the page.
  }
}
