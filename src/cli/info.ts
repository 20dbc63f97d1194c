/** tonno info: what a volume or a model is, without the engine and without more of the file than is asked for. */
import type { Command } from 'commander';
import { strangerOf } from '../formats/strangers.ts';
import { inspectVolumeFile, recogniseFormat } from '../formats/volume-file.ts';
import { headOf } from './dicom-folder.ts';
import { addDicomOptions, type DicomOptions } from './dicom-options.ts';
import { openSource } from './files.ts';
import type { Description } from './info/description.ts';
import { describeDicomFile, describeDicomFolder } from './info/dicom.ts';
import { describeModel } from './info/model.ts';
import { describeNifti, describeOther } from './info/volume.ts';
import type { Run } from './run.ts';
import { isFolder } from './volumes.ts';

interface InfoOptions extends DicomOptions {
  readonly header?: boolean;
}

export function addInfo(program: Command, run: Run): void {
  const command = program.command('info');
  command
    .summary('describe a volume or an ONNX model')
    .description(
      'Describe a volume (header, axes, spacing, value range), the DICOM series of a folder, or an ONNX model (inputs, outputs, layers).',
    )
    .argument('<file>', 'a volume of any format, the folder of DICOM series, or a model')
    .option('--header', 'of a volume, the header only: reads no voxels');
  addDicomOptions(command).action((path: string, options: InfoOptions) =>
    run(async () => {
      const { lines, facts } = await describe(path, options, run);
      for (const line of lines) run.terminal.print(line);
      run.terminal.result(facts);
    }),
  );
}

async function describe(path: string, options: InfoOptions, run: Run): Promise<Description> {
  if (await isFolder(path)) return describeDicomFolder(path, options, run);
  const { head, compressed } = await headOf(path);
  const format = recogniseFormat(head);
  if (format === 'nifti') return describeNifti(path, options, run);
  if (format === 'dicom') return describeDicomFile(path, options, run);
  if (format !== undefined) return describeOther(path, options, run);
  // No model is packed: what is wrong with it is said by who reads volumes.
  if (compressed) await inspectVolumeFile(await openSource(path), path, run);
  const stranger = strangerOf(head);
  return describeModel(path, `It is no volume of a known format${stranger ? ` but ${stranger.what}` : ''}`);
}
