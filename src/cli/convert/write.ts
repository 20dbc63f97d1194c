/** Files of volumes, one format a line by the end of the file's name; and the type that their voxels are written in. */
import { TonnoError, UsageError } from '../../errors.ts';
import { type VoxelEncodeOptions, WRITTEN_RANGES, type WrittenType } from '../../formats/encoding.ts';
import { encodeMetaImage } from '../../formats/metaimage.ts';
import { encodeNifti } from '../../formats/nifti.ts';
import { encodeNrrd } from '../../formats/nrrd.ts';
import type { Volume } from '../../volume/volume.ts';

export interface VolumeTarget {
  /** The end of the name, in lower case. */
  readonly ending: string;
  readonly format: string;
  encode(volume: Volume, options: VoxelEncodeOptions): Promise<Uint8Array>;
}

const TARGETS: readonly VolumeTarget[] = [
  {
    ending: '.nii.gz',
    format: 'NIfTI',
    encode: (volume, options) => encodeNifti(volume, { ...options, gzip: true }),
  },
  { ending: '.nii', format: 'NIfTI', encode: encodeNifti },
  { ending: '.nrrd', format: 'NRRD', encode: encodeNrrd },
  { ending: '.mha', format: 'MetaImage', encode: encodeMetaImage },
];

/** What a DICOM Segmentation's name ends with. */
const SEGMENTATION_ENDING = '.dcm';
const ENDINGS = [...TARGETS.map(({ ending }) => ending), SEGMENTATION_ENDING].join(', ');

/**
 * What a file is written as.
 * @returns undefined for a DICOM Segmentation.
 * @throws UsageError when the name ends with none of them.
 */
export function targetOf(out: string): VolumeTarget | undefined {
  const name = out.toLowerCase();
  if (name.endsWith(SEGMENTATION_ENDING)) return undefined;
  const target = TARGETS.find(({ ending }) => name.endsWith(ending));
  if (target) return target;
  throw new UsageError(out, 'The end of its name does not say what it is to be written as.', {
    remedy: `Let it end with one of ${ENDINGS}.`,
  });
}

/** The smallest type that holds all values as they are. */
export function smallestType(data: Float32Array): WrittenType {
  const fitting = (Object.keys(WRITTEN_RANGES) as (keyof typeof WRITTEN_RANGES)[]).find(
    (type) => misfit(data, type) === undefined,
  );
  return fitting ?? 'float32';
}

/** @throws TonnoError when a type was asked for that cannot hold a volume's values. */
export function requireFit(data: Float32Array, type: WrittenType, name: string): void {
  if (type === 'float32') return;
  const value = misfit(data, type);
  if (value === undefined) return;
  const [least, most] = WRITTEN_RANGES[type];
  throw new TonnoError(name, `Its value ${value} is no integer from ${least} to ${most}, as ${type} needs.`, {
    remedy: 'Leave --type out, or give float32.',
  });
}

/** The first value that a type cannot hold. */
function misfit(data: Float32Array, type: keyof typeof WRITTEN_RANGES): number | undefined {
  const [least, most] = WRITTEN_RANGES[type];
  return data.find((value) => !Number.isInteger(value) || value < least || value > most);
}
