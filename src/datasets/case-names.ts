/** Names of cases are names of files: letters, digits, ".", "_" and "-", and no two that differ by capitals alone. */

/**
 * For each name one that is fit for a file, and unique among them: of several that become alike, the later ones get a
 * number.
 */
export function caseNames(names: readonly string[]): string[] {
  const taken = new Set<string>();
  const given: string[] = [];
  for (const name of names) {
    const base = fileName(name);
    let unique = base;
    for (let number = 2; taken.has(unique.toLowerCase()); number++) unique = `${base}-${number}`;
    taken.add(unique.toLowerCase());
    given.push(unique);
  }
  return given;
}

/** A name without accents and with "_" for what no file's name should hold. */
function fileName(name: string): string {
  const plain = name
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .replace(/[^A-Za-z0-9._-]+/g, '_');
  return /^[A-Za-z0-9_]/.test(plain) ? plain : `_${plain}`;
}
