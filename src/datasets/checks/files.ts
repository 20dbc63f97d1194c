/** Files that are no use at all, and values that are none. */
import type { Check } from './check.ts';
import { type FileFault, isConstant } from './facts.ts';

const faults: Readonly<Record<FileFault['kind'], string>> = {
  'file-missing': 'files that are not there',
  'file-unreadable': 'files that are no volume, damaged or cut off',
  'singular-affine': 'affines that give the voxels no volume, or are not finite',
};

export const fileChecks: readonly Check[] = [
  ...Object.entries(faults).map(
    ([name, finds]): Check => ({
      name,
      level: 'error',
      looksAt: 'file',
      finds,
      *run({ path, faults: own }) {
        for (const { kind, message, remedy } of own) {
          if (kind === name) yield { subject: path, message, remedy };
        }
      },
    }),
  ),
  {
    name: 'not-finite',
    level: 'error',
    looksAt: 'file',
    finds: 'voxels that are NaN or infinite',
    *run({ path, volume, zeroed }) {
      if (!volume || volume.notFinite === 0) return;
      const { notFinite, shape, channels } = volume;
      const all = channels.length * shape.reduce((product, length) => product * length, 1);
      yield {
        subject: path,
        level: zeroed ? 'info' : 'error',
        message: `${notFinite} of its ${all} voxels are NaN or infinite in float32.`,
        remedy: 'Replace them in the file, or have them read as 0 (--nan zero).',
        fixable: true,
      };
    },
  },
  {
    name: 'constant-volume',
    level: 'error',
    looksAt: 'file',
    finds: 'images whose voxels are all equal',
    *run({ path, role, volume }) {
      if (role !== 'image' || !volume?.channels.every(isConstant)) return;
      const several = volume.channels.length > 1 ? ' of a channel' : '';
      yield {
        subject: path,
        message: `All voxels${several} are ${volume.channels.map(({ minimum }) => minimum).join(', ')}.`,
        remedy: 'Check that this is the right volume, or take the case out.',
      };
    },
  },
  {
    name: 'constant-channel',
    level: 'warning',
    looksAt: 'file',
    finds: 'channels of images whose voxels are all equal, beside others',
    *run({ path, role, volume }) {
      if (role !== 'image' || !volume || volume.channels.every(isConstant)) return;
      for (const [index, channel] of volume.channels.entries()) {
        if (!isConstant(channel)) continue;
        yield {
          subject: path,
          message: `All voxels of channel ${index + 1} of ${volume.channels.length} are ${channel.minimum}.`,
          remedy: 'Check that the channel is the right one.',
        };
      }
    },
  },
];
