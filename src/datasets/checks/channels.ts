/** The channels of a case among themselves, and against those of the other cases. */
import { apartness } from './apart.ts';
import { type Check, caseSubject } from './check.ts';
import { type CaseFacts, caseChannels, isConstant } from './facts.ts';

export const channelChecks: readonly Check[] = [
  {
    name: 'channel-grid',
    level: 'error',
    looksAt: 'case',
    finds: 'channels of one case on different grids',
    *run({ images: [first, ...others] }) {
      if (!first?.volume) return;
      for (const { path, volume } of others) {
        const apart = volume && apartness(volume, first.volume);
        if (!apart) continue;
        yield {
          subject: path,
          level: apart.level,
          message: apart.words(first.path),
          remedy: 'Register and resample the channels of a case to one grid.',
        };
      }
    },
  },
  {
    name: 'channels-equal',
    level: 'warning',
    looksAt: 'case',
    finds: 'channels of one case with the same voxels',
    *run(facts) {
      const channels = caseChannels(facts) ?? [];
      for (const [index, channel] of channels.entries()) {
        if (isConstant(channel)) continue;
        const first = channels.findIndex(({ hash }) => hash === channel.hash);
        if (first === index) continue;
        yield {
          subject: caseSubject(facts),
          message: `Its channels ${first + 1} and ${index + 1} have the same voxels.`,
          remedy: 'Check that the right files are named.',
        };
      }
    },
  },
  {
    name: 'channel-count',
    level: 'error',
    looksAt: 'cohort',
    finds: 'cases with another number of channels in their files than the others',
    *run({ cases }) {
      // Another number of files is the table's business.
      const files = mostCommon(cases.map(({ images }) => images.length));
      const counts = cases
        .filter(({ images }) => images.length === files)
        .flatMap((facts) => ({ facts, count: caseChannels(facts)?.length }))
        .filter((one): one is { facts: CaseFacts; count: number } => one.count !== undefined);
      const usual = mostCommon(counts.map(({ count }) => count));
      for (const { facts, count } of counts) {
        if (count === usual) continue;
        yield {
          subject: facts.images[0].path,
          message: `Case ${facts.row.name} has ${counted(count)}, and most cases have ${counted(usual)}.`,
          remedy: 'Give all cases the same channels, in the same order.',
        };
      }
    },
  },
];

/** The smallest of those that come most often; 0 where there is none. */
export function mostCommon(values: readonly number[]): number {
  const times = new Map<number, number>();
  for (const value of values) times.set(value, (times.get(value) ?? 0) + 1);
  if (times.size === 0) return 0;
  const most = Math.max(...times.values());
  return Math.min(...[...times].filter(([, count]) => count === most).map(([value]) => value));
}

function counted(channels: number): string {
  return channels === 1 ? 'one channel' : `${channels} channels`;
}
