/** Commands run within the test: what they print and give, without a process for each. */
import { Command } from 'commander';
import type { Run } from '../../src/cli/run.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface InProcess {
  /** Lines of stdout. */
  readonly printed: readonly string[];
  /** Lines of stderr. */
  readonly said: readonly string[];
  /** What --json would print. */
  readonly result: Record<string, unknown>;
}

/**
 * Runs a command.
 * @param add what adds it to the program.
 * @param args its name and arguments.
 * @throws what the command throws: a sentence on stderr, in a process.
 */
export async function inProcess(
  add: (program: Command, run: Run) => void,
  args: readonly string[],
): Promise<InProcess> {
  const printed: string[] = [];
  const said: string[] = [];
  let result: Record<string, unknown> = {};
  const terminal = {
    print: (line: string) => printed.push(line),
    log: (line: string) => said.push(line),
    warn: (line: string) => said.push(line),
    clear: () => {},
    progress: () => ({ update: () => {}, end: () => {} }),
    result: (facts: Record<string, unknown>) => {
      result = facts;
    },
  } as unknown as Terminal;
  const run = Object.assign(async (work: () => Promise<void>) => work(), {
    terminal,
    signal: new AbortController().signal,
  });
  const program = new Command().exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  add(program, run);
  for (const command of program.commands) {
    command.exitOverride().configureOutput({ writeErr: () => {}, writeOut: () => {} });
  }
  await program.parseAsync([...args], { from: 'user' });
  return { printed, said, result };
}
