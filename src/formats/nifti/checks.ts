/**
 * Whether the voxels of a NIfTI file can become a volume, judged from its header alone: before anything is
 * allocated, and without stopping at the first trouble. What would need a guess or a repair is a problem.
 */

import {
  DEFAULT_MAX_BYTES,
  int64Problem,
  sizeProblem,
  type VoxelLimits,
  type VoxelProblem,
} from '../decoding.ts';
import { DATATYPES } from './datatypes.ts';
import { headerLayout, type NiftiInfo } from './header.ts';
import { placementProblem } from './placement.ts';

export type NiftiProblem = VoxelProblem;
export type NiftiLimits = VoxelLimits;

/** Intent codes of CIFTI-2 are 3000 and up to 3099. */
const CIFTI_INTENT = { first: 3000, last: 3099 };

const REWRITE = 'Write the file again with a program that sets its header right.';
const REPLACE = 'Its header is damaged: copy or download it again.';

/** All that keeps the file's voxels from being read, the most telling first; empty when nothing does. */
export function niftiProblems(info: NiftiInfo, limits: NiftiLimits = {}): NiftiProblem[] {
  const lengths = lengthProblem(info);
  return [
    fileProblem(info),
    lengths ?? axesProblem(info),
    datatypeProblem(info, limits),
    offsetProblem(info, limits),
    scalingProblem(info),
    lengths ? undefined : voxelsProblem(info, limits),
    affineProblem(info),
  ].filter((problem) => problem !== undefined);
}

/** Axis lengths with the type, as in "64×64×32 int16", in the file's order x×y×z. */
export function extent(info: NiftiInfo): string {
  return `${axisLengths(info).join('×')} ${info.datatype}`;
}

function axisLengths({ dims }: NiftiInfo): readonly number[] {
  return dims.slice(1, dims[0] + 1);
}

function fileProblem({ pair, intentCode }: NiftiInfo): NiftiProblem | undefined {
  if (intentCode >= CIFTI_INTENT.first && intentCode <= CIFTI_INTENT.last) {
    return {
      problem: `This is a CIFTI file (intent code ${intentCode}), a matrix over the cortex and not a volume.`,
      remedy: 'Give a volumetric .nii or .nii.gz file.',
    };
  }
  if (pair) {
    return {
      problem: 'This is the header of a .hdr/.img pair, whose voxels are in another file.',
      remedy: 'Convert the pair to one .nii or .nii.gz file.',
    };
  }
  return undefined;
}

function lengthProblem(info: NiftiInfo): NiftiProblem | undefined {
  const axes = info.dims[0];
  if (!(axes >= 1 && axes <= 7)) {
    return { problem: `Its header says that it has ${axes} axes; NIfTI has 1 to 7.`, remedy: REPLACE };
  }
  if (axisLengths(info).some((length) => length < 1)) {
    return { problem: `Its axes have lengths ${axisLengths(info).join('×')}.`, remedy: REPLACE };
  }
  return undefined;
}

function axesProblem(info: NiftiInfo): NiftiProblem | undefined {
  const channelAxes = axisLengths(info)
    .map((length, i) => ({ axis: i + 1, length }))
    .filter(({ axis, length }) => axis > 3 && length > 1);
  if (channelAxes.length === 0 || (channelAxes.length === 1 && channelAxes[0].axis <= 5)) return undefined;
  return {
    problem: `Its axes have lengths ${axisLengths(info).join('×')}; only the fourth or the fifth may hold channels.`,
    remedy: 'Split it into files of three axes, or of four with channels on the fourth.',
  };
}

function datatypeProblem(info: NiftiInfo, limits: NiftiLimits): NiftiProblem | undefined {
  const type = DATATYPES[info.datatypeCode];
  if (!type) {
    return {
      problem: `Its voxel type has the code ${info.datatypeCode}, which NIfTI does not have.`,
      remedy: REPLACE,
    };
  }
  if (!type.type) {
    return {
      problem: `Its voxels are ${type.name}, not one ordinary number each.`,
      remedy: 'Convert it to float32 or an integer type.',
    };
  }
  if (type.bits !== info.bits) {
    return {
      problem: `Its header contradicts itself: ${type.name} voxels have ${type.bits} bits, not ${info.bits}.`,
      remedy: REPLACE,
    };
  }
  return int64Problem(type.name, limits);
}

function offsetProblem(
  { version, pair, voxOffset }: NiftiInfo,
  { maxBytes = DEFAULT_MAX_BYTES }: NiftiLimits,
): NiftiProblem | undefined {
  const least = headerLayout(version).voxels;
  if (pair || (Number.isInteger(voxOffset) && voxOffset >= least && voxOffset <= maxBytes)) return undefined;
  return {
    problem: `Its voxels cannot begin at byte ${voxOffset} (vox_offset); the header ends at byte ${least}.`,
    remedy: REWRITE,
  };
}

function scalingProblem(info: NiftiInfo): NiftiProblem | undefined {
  if (!isScaled(info) || Number.isFinite(info.inter)) return undefined;
  return {
    problem: `Its values are to be scaled by ${info.slope} and shifted by ${info.inter} (scl_slope, scl_inter).`,
    remedy: REWRITE,
  };
}

/** Whether scl_slope asks for scaling; as in nibabel, 0 and what is not finite do not. */
export function isScaled({ slope }: NiftiInfo): boolean {
  return slope !== 0 && Number.isFinite(slope);
}

function voxelsProblem(info: NiftiInfo, limits: NiftiLimits): NiftiProblem | undefined {
  const [depth, height, width] = info.shape;
  const decoded = info.channels * depth * height * width * Float32Array.BYTES_PER_ELEMENT;
  return sizeProblem(Math.max(decoded, info.dataBytes), extent(info), limits);
}

function affineProblem({ geometry }: NiftiInfo): NiftiProblem | undefined {
  const problem = placementProblem(geometry.nifti);
  return problem === undefined ? undefined : { problem, remedy: REWRITE };
}
