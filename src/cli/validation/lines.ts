/** Findings for people: by check, the gravest first, in lines that fit a terminal of 80 columns. */
import { type Finding, type Level, levels } from '../../datasets/checks/check.ts';

const WIDTH = 80;
/** Findings of one check that are told one by one. */
const TOLD = 5;

const WORDS: Readonly<Record<Level, readonly [one: string, several: string]>> = {
  error: ['error', 'errors'],
  warning: ['warning', 'warnings'],
  info: ['note', 'notes'],
};

/** Lines for the findings of a level or a graver one, in the order they come in. */
export function findingLines(findings: readonly Finding[], level: Level): string[] {
  const shown = findings.filter((finding) => levels.indexOf(finding.level) <= levels.indexOf(level));
  const groups = new Map<string, Finding[]>();
  for (const finding of shown) {
    const key = [finding.level, finding.check, finding.remedy].join('\0');
    groups.set(key, [...(groups.get(key) ?? []), finding]);
  }
  return [...groups.values()].flatMap((group) => {
    const [{ level: own, check, remedy, fixable }] = group;
    const more = group.length - TOLD;
    return [
      `${WORDS[own][0]}  ${check}${fixable ? ' (--fix mends it)' : ''}`,
      ...group
        .slice(0, TOLD)
        .flatMap(({ subject, message }) => wrapped(`${subject}: ${message}`, '  ', '    ')),
      ...(more > 0 ? [`  … and ${more} more; --json tells all`] : []),
      ...(remedy ? wrapped(`→ ${remedy}`, '  ', '    ') : []),
      '',
    ];
  });
}

/** "2 errors, 1 warning and no notes". */
export function countLine(findings: readonly Finding[]): string {
  const [errors, warnings, notes] = levels.map((level) => {
    const count = findings.filter((finding) => finding.level === level).length;
    return `${count || 'no'} ${WORDS[level][count === 1 ? 0 : 1]}`;
  });
  return `${errors}, ${warnings} and ${notes}`;
}

/** Words in lines; one that is longer than a line, such as a path, stays whole. */
export function wrapped(text: string, first: string, then: string): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = then;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}
