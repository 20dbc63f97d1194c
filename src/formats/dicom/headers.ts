/**
 * Where an attribute of a frame is written. An ordinary object has it at its top. An enhanced multi-frame object (PS3.3
 * C.7.6.16) has it in a functional group: in the frame's own if it varies, in the shared one if it does not.
 */
import { VolumeError } from '../../errors.ts';
import type { Dataset, DicomObject } from './object.ts';

/** The data set that holds an attribute of a frame; undefined when none does. */
export type FrameHeader = (tag: string, group?: string) => Dataset | undefined;

const SHARED_GROUPS = '52009229';
const FRAME_GROUPS = '52009230';

/** Sequences that are functional groups. */
export const GROUPS = {
  position: '00209113',
  orientation: '00209116',
  measures: '00289110',
  values: '00289145',
  content: '00209111',
  echo: '00189114',
  diffusion: '00189117',
  realWorldValues: '00409096',
  mrFrameType: '00189226',
  ctFrameType: '00189329',
  petFrameType: '00189751',
  trigger: '00189118',
} as const;

/**
 * How attributes of each frame are found.
 * @param frames how many frames the object has.
 * @throws VolumeError when its functional groups are not those of as many frames.
 */
export function frameHeaders(object: DicomObject, frames: number): FrameHeader[] {
  const { dataset, name } = object;
  const own = dataset.sequence(FRAME_GROUPS);
  const [shared] = dataset.sequence(SHARED_GROUPS);
  if (own.length > 0 && own.length !== frames) {
    throw new VolumeError(
      name,
      `It has ${frames} frames, and functional groups of ${own.length} (5200,9230).`,
      { remedy: 'Its header is damaged: export or download it again.' },
    );
  }
  // Shared groups are parsed once, whatever the number of frames.
  const common = new Map<string, Dataset | undefined>();
  const inShared = (group: string) => {
    if (!common.has(group)) common.set(group, shared?.sequence(group)[0]);
    return common.get(group);
  };
  return Array.from({ length: frames }, (_, frame) => (tag, group) => {
    if (group !== undefined) {
      const mine = own[frame]?.sequence(group)[0];
      if (mine?.has(tag)) return mine;
      const ours = inShared(group);
      if (ours?.has(tag)) return ours;
    }
    return dataset.has(tag) ? dataset : undefined;
  });
}

/** Whether an object says where its frames lie in functional groups. */
export function isEnhanced({ dataset }: DicomObject): boolean {
  return dataset.has(FRAME_GROUPS);
}
