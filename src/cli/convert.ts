/** tonno convert: a volume of any format, or regions in a DICOM file, in; a file of another format out. */
import { realpath } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { UsageError } from '../errors.ts';
import { encodeSegmentation } from '../formats/dicom/segmentation.ts';
import type { WrittenType } from '../formats/encoding.ts';
import { VERSION } from '../version.ts';
import { axisCodes, spacing } from '../volume/volume.ts';
import { type ReadSource, readReference, readSource } from './convert/read.ts';
import { requireFit, smallestType, targetOf, type VolumeTarget } from './convert/write.ts';
import { addDicomOptions, type DicomOptions } from './dicom-options.ts';
import { exists, prepareFolder, writeWhole } from './files.ts';
import type { Run } from './run.ts';
import { channelPaths, isFolder } from './volumes.ts';

interface ConvertOptions extends DicomOptions {
  nan: 'refuse' | 'zero';
  int64: 'refuse' | 'convert';
  type?: WrittenType;
  reference?: string;
  roi?: string;
  label?: string;
  description?: string;
  algorithm?: Algorithm;
}

const algorithms = ['automatic', 'semiautomatic', 'manual'] as const;
type Algorithm = (typeof algorithms)[number];

/** Below the help. */
const WRITTEN = `
SOURCE is NIfTI, NRRD, MetaImage, .npy or DICOM, told by what is in it, or the
folder of a DICOM series; several with semicolons between them become channels.
OUT is written as the end of its name says: .nii, .nii.gz, .nrrd, .mha, or .dcm,
a DICOM Segmentation of the series in --reference. Voxels keep their values and
their place in the world; whole numbers are written as the smallest integers
that hold them.

  tonno convert series/ scan.nii.gz
  tonno convert mask.nii.gz mask.dcm --reference series/ --label Lesion
  tonno convert contours.dcm mask.nii.gz --reference series/ --roi GTV`;

export function addConvert(program: Command, run: Run): void {
  const command = program.command('convert');
  command
    .summary('turn a volume or a DICOM series into a file of another format')
    .description('Turn a volume, a DICOM series, or regions in a DICOM file into a file of another format.')
    .argument('<source>', 'a file, or the folder of a DICOM series')
    .argument('<out>', 'a file: .nii, .nii.gz, .nrrd, .mha or .dcm');
  addDicomOptions(command)
    .addOption(
      new Option('--type <type>', 'of the voxels that are written (the smallest that holds them)').choices([
        'float32',
        'int16',
        'uint8',
      ]),
    )
    .addOption(
      new Option('--nan <what>', 'voxels that are not finite').choices(['refuse', 'zero']).default('refuse'),
    )
    .addOption(
      new Option('--int64 <what>', '64-bit integers').choices(['refuse', 'convert']).default('refuse'),
    )
    .optionsGroup('Masks in DICOM:')
    .option('--reference <folder>', 'the DICOM series that a mask belongs to; --series chooses in it')
    .option('--roi <name>', 'of an RT Structure Set with several regions: name or number')
    .option('--label <name>', 'of the segment in a .dcm (Lesion)')
    .option('--description <text>', 'of the segment in a .dcm')
    .addOption(new Option('--algorithm <how>', 'a mask in a .dcm came about (automatic)').choices(algorithms))
    .optionsGroup('Options:')
    .addHelpText('after', WRITTEN)
    .action((source: string, out: string, options: ConvertOptions) =>
      run(() => convert(source, out, options, run)),
    );
}

async function convert(source: string, out: string, options: ConvertOptions, run: Run): Promise<void> {
  const { terminal, signal } = run;
  const target = targetOf(out);
  refuseIdleOptions(target, options);
  await refuseOverwriting(source, out, options.reference);
  const read = await readSource(source, { ...options, signal }, target === undefined);
  for (const note of read.notes) terminal.log(`${source}: ${note}`);
  if (read.notFinite > 0) {
    terminal.warn(`${source}: ${read.notFinite} voxels that were not finite are 0 now.`);
  }
  const type = options.type ?? smallestType(read.volume.data);
  const bytes = target
    ? await volumeFile(read, target, type, source, signal)
    : await segmentationFile(read, options, signal);
  await prepareFolder(dirname(resolve(out)));
  signal.throwIfAborted();
  await writeWhole({ [out]: bytes });
  terminal.print(out);
  const { shape, channels, geometry } = read.volume;
  terminal.result({
    command: 'convert',
    source,
    out,
    format: target?.format ?? 'DICOM Segmentation',
    type: target && type,
    shape,
    channels,
    axes: axisCodes(geometry),
    spacing: spacing(geometry),
    affine: geometry.affine,
    segments: read.segments,
    notFiniteSetToZero: read.notFinite,
    notes: read.notes,
  });
}

function volumeFile(
  { volume }: ReadSource,
  target: VolumeTarget,
  datatype: WrittenType,
  source: string,
  signal: AbortSignal,
): Promise<Uint8Array> {
  requireFit(volume.data, datatype, source);
  return target.encode(volume, { datatype, description: `tonno ${VERSION} convert`, signal });
}

async function segmentationFile(
  { volume, segments }: ReadSource,
  options: ConvertOptions,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const { label = segments?.[0] ?? 'Lesion', description, algorithm = 'automatic' } = options;
  const reference = await readReference(options.reference!, { series: options.series, signal });
  const type = algorithm.toUpperCase() as Uppercase<Algorithm>;
  return encodeSegmentation(volume, reference, {
    label,
    description,
    algorithm: { type, ...(type !== 'MANUAL' && { name: 'tonno' }) },
  });
}

/** @throws UsageError for an option that would do nothing, and for a missing one. */
function refuseIdleOptions(target: VolumeTarget | undefined, options: ConvertOptions): void {
  if (target) {
    const idle = (['label', 'description', 'algorithm'] as const).find((name) => options[name] !== undefined);
    if (idle === undefined) return;
    throw new UsageError(`--${idle}`, `A ${target.ending} file has no place for it.`, {
      remedy: 'Leave it out, or write a mask as .dcm.',
    });
  }
  if (options.reference === undefined) {
    throw new UsageError('--reference', 'A mask in DICOM belongs to a series.', {
      remedy: 'Give the folder of the series that it was made of.',
    });
  }
  if (options.type !== undefined) {
    throw new UsageError('--type', 'A DICOM Segmentation has bits, not numbers.', {
      remedy: 'Leave it out.',
    });
  }
}

/**
 * What is read must not be written over: a file, or one of the files in a series' folder.
 * @throws UsageError when it would be.
 */
async function refuseOverwriting(source: string, out: string, reference: string | undefined): Promise<void> {
  if (!(await exists(out))) return;
  if (await isFolder(out)) {
    throw new UsageError(out, 'It is a folder, not a file.', {
      remedy: 'Name the file that is to be written.',
    });
  }
  const target = await realpath(out);
  for (const path of [...(await channelPaths(source)), ...(reference === undefined ? [] : [reference])]) {
    if (!(await exists(path))) continue;
    const own = await realpath(path);
    const inside = (await isFolder(path)) && dirname(target) === own;
    if (!inside && own !== target) continue;
    throw new UsageError(out, `It would be written over ${inside ? `a file of ${path}` : 'what is read'}.`, {
      remedy: 'Give another name.',
    });
  }
}
