/**
 * How files are read, where there is a choice; and what a refused file can be opened with after all. The rooms below say
 * it in their own words, with the options of a program: here it is a button.
 */
import type { OpenOptions } from '../protocol.ts';
import type { Failure } from '../remote.ts';

export type Reading = Pick<OpenOptions, 'nan' | 'int64' | 'suv'>;

interface Way {
  /** In the remedy, where this way is open. */
  readonly said: string;
  readonly remedy: string;
  readonly label: string;
  readonly reading: Reading;
}

const ways: readonly Way[] = [
  {
    said: "nan: 'zero'",
    remedy: 'Replace them in the file, or have them read as 0.',
    label: 'Read them as 0',
    reading: { nan: 'zero' },
  },
  {
    said: "int64: 'convert'",
    remedy: 'Convert it to a smaller type, or allow rounding.',
    label: 'Allow rounding',
    reading: { int64: 'convert' },
  },
];

/** What a person can choose about a file that was refused. */
export function wayIn(failure: Failure): (Pick<Way, 'label' | 'reading'> & { failure: Failure }) | undefined {
  const way = ways.find(({ said }) => failure.remedy.includes(said));
  return way && { ...way, failure: { ...failure, remedy: way.remedy } };
}
