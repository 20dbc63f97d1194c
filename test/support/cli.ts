/** The command line as its users have it: the built program in a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

export const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** What a process left behind when it ended. */
export interface Outcome {
  /** Exit code; null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly seconds: number;
}

export interface StartOptions {
  readonly cwd?: string;
  /** Added to the environment of the tests. */
  readonly env?: Record<string, string>;
  /** Milliseconds after which it is killed and the test fails. */
  readonly timeout?: number;
  /** What runs `node main.js …` instead of the system itself, for instance a shell with limits. */
  readonly through?: readonly string[];
}

export interface Started {
  readonly process: ChildProcess;
  readonly outcome: Promise<Outcome>;
  /** Waits until stderr holds the text. */
  says(text: string): Promise<void>;
}

export function start(args: readonly (string | number)[], options: StartOptions = {}): Started {
  const { cwd, env, timeout = 50_000, through = [] } = options;
  const [program, ...rest] = [...through, process.execPath, MAIN, ...args.map(String)];
  const began = performance.now();
  const child = spawn(program, rest, {
    cwd,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  let late = false;
  let ended = false;
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => {
    late = true;
    child.kill('SIGKILL');
  }, timeout);
  const outcome = new Promise<Outcome>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      ended = true;
      clearTimeout(timer);
      if (late) reject(new Error(`tonno ${args.join(' ')} took longer than ${timeout} ms.\n${stderr}`));
      resolve({ code, signal, stdout, stderr, seconds: (performance.now() - began) / 1000 });
    });
  });
  // Whoever only waits for its words hears of a failure there.
  outcome.catch(() => {});
  return {
    process: child,
    outcome,
    async says(text) {
      while (!stderr.includes(text)) {
        if (ended) throw new Error(`It ended without saying "${text}".\n${stderr}`);
        await wait(5);
      }
    },
  };
}

export function tonno(args: readonly (string | number)[], options?: StartOptions): Promise<Outcome> {
  return start(args, options).outcome;
}

/** Runs a command that must succeed. */
export async function succeed(args: readonly (string | number)[], options?: StartOptions): Promise<Outcome> {
  const outcome = await tonno(args, options);
  if (outcome.code !== 0)
    throw new Error(`tonno ${args.join(' ')} ended with ${outcome.code}:\n${outcome.stderr}`);
  return outcome;
}

/** A folder that is gone after the tests of the file that asked for it. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tonno-test-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A new, empty folder in another one. */
export function newFolder(parent: string, prefix = 'out-'): string {
  mkdirSync(parent, { recursive: true });
  return mkdtempSync(join(parent, prefix));
}

/** Names of all files in a folder and the folders in it, sorted; none when there is no such folder. */
export function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => !entry.isDirectory())
      .map((entry) => entry.name)
      .sort();
  } catch {
    return [];
  }
}
