/**
 * Settings in files: the options of a command by their long names, {"width": 0.25, "warm-up": 50}. They are read by the
 * very options that the command line has, so that names, defaults and complaints are the same in both places.
 */
import { Command, CommanderError } from 'commander';
import { UsageError } from '../errors.ts';

/** One option: its argument, several of them, or whether it is there. */
export type Setting = string | number | boolean | readonly (string | number)[];

export type Settings = Readonly<Record<string, Setting>>;

/**
 * The options that settings amount to, defaults included.
 * @param add adds the options to a command.
 * @param subject where the settings stand, for errors.
 * @throws UsageError when an option is unknown or its value wrong.
 */
export function readSettings<T>(add: (command: Command) => unknown, settings: Settings, subject: string): T {
  const command = new Command(subject)
    .exitOverride()
    .configureOutput({ writeErr: () => {} })
    .helpOption(false);
  add(command);
  for (const name of Object.keys(settings)) {
    if (command.options.some(({ long }) => long === `--${name}`)) continue;
    const names = command.options.map(({ long }) => long?.slice(2)).join(', ');
    throw new UsageError(subject, `There is no setting ${JSON.stringify(name)}.`, {
      remedy: `Settings are ${names}.`,
    });
  }
  const words = Object.entries(settings).flatMap(([name, value]) => {
    if (typeof value === 'boolean') return value ? [`--${name}`] : [];
    return [`--${name}=${Array.isArray(value) ? value.join() : value}`];
  });
  try {
    command.parse(words, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    throw new UsageError(subject, capital(error.message.replace(/^error: /, '')), {
      remedy: 'Correct it in the file.',
      cause: error,
    });
  }
  return command.opts() as T;
}

const capital = (text: string) => text[0].toUpperCase() + text.slice(1);
