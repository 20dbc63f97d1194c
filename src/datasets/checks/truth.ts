/** Masks and boxes against their images and labels. Only an evaluation looks at them: it refuses what is an error here. */
import { type Apart, apartness } from './apart.ts';
import { type Check, caseSubject } from './check.ts';

export const truthChecks: readonly Check[] = [
  {
    name: 'mask-channels',
    level: 'error',
    looksAt: 'file',
    finds: 'masks of several channels',
    *run({ path, role, volume }) {
      if (role !== 'mask' || !volume || volume.channels.length === 1) return;
      yield {
        subject: path,
        message: `It has ${volume.channels.length} channels; a mask is one channel of 0 and not 0.`,
        remedy: 'Write the channel that is meant to a file of its own.',
      };
    },
  },
  {
    name: 'mask-not-binary',
    level: 'warning',
    looksAt: 'file',
    finds: 'masks with values other than 0 and 1, which count as 1',
    *run({ path, role, volume }) {
      if (role !== 'mask' || volume?.channels.length !== 1) return;
      const [{ notBinary, minimum, maximum }] = volume.channels;
      if (notBinary === 0) return;
      yield {
        subject: path,
        message: `${notBinary} of its voxels are neither 0 nor 1 (it goes from ${minimum} to ${maximum}); all that is not 0 counts as the finding.`,
        remedy: 'Write 0 and 1, and of several labels only those that are meant.',
        fixable: true,
      };
    },
  },
  {
    name: 'mask-grid',
    level: 'error',
    looksAt: 'case',
    finds: 'masks on another grid than their image',
    *run({ row, images: [image], mask }) {
      if (!image?.volume || !mask?.volume) return;
      const apart = apartness(mask.volume, image.volume);
      if (!apart) return;
      yield {
        subject: mask.path,
        ...described(apart, `the image of case ${row.name}`),
        remedy: 'Write the mask on the grid of the image; nothing is resampled without being asked.',
      };
    },
  },
  {
    name: 'mask-empty',
    level: 'error',
    looksAt: 'case',
    finds:
      'empty masks of positive cases: in validation an error, in training, which looks at no masks, a warning',
    *run({ row, mask }) {
      if (!mask?.volume || mask.volume.channels.some(({ marked }) => marked > 0)) return;
      // With several labels the mask may be of one that the case does not have.
      if (row.labels.length === 0 || row.labels.some((label) => label !== 1)) return;
      yield {
        subject: mask.path,
        level: row.split === 'train' ? 'warning' : 'error',
        message: `It is empty, and case ${row.name} is labelled positive.`,
        remedy: 'Mend the label or the mask, or leave the mask out if it was never drawn.',
      };
    },
  },
  {
    name: 'label-contradicted',
    level: 'error',
    looksAt: 'case',
    finds: 'negative cases with something in their mask, or with a box',
    *run(facts) {
      const { row, mask } = facts;
      if (row.labels.length === 0 || row.labels.some((label) => label !== 0)) return;
      const marked = mask?.volume?.channels[0].marked ?? 0;
      if (marked > 0) {
        yield {
          subject: mask!.path,
          message: `It marks ${marked} voxels, and case ${row.name} is labelled negative.`,
          remedy: 'Mend the label or the mask.',
        };
      }
      if (row.box) {
        yield {
          subject: caseSubject(facts),
          message: 'It is labelled negative but has a bounding box.',
          remedy: 'Mend its label or leave the box out.',
        };
      }
    },
  },
  {
    name: 'box-outside',
    level: 'error',
    looksAt: 'case',
    finds: 'boxes that reach out of their image',
    *run(facts) {
      const { row, images } = facts;
      const shape = images[0]?.volume?.shape;
      const axis = shape && row.box ? row.box.to.findIndex((end, i) => end > shape[i]) : -1;
      if (axis < 0) return;
      yield {
        subject: caseSubject(facts),
        message: `Its box ends at ${row.box!.to[axis]} along axis ${axis}, and its image has ${shape![axis]} voxels there.`,
        remedy: 'Give the box in voxels of the image, in the order of the array’s axes.',
      };
    },
  },
];

function described({ level, words }: Apart, other: string) {
  return { level, message: words(other) };
}
