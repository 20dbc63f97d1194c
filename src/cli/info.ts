/** tonno info: what a volume or a model is, without the engine and without more of the file than is asked for. */
import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import type { ValueInfoProto as ValueInfo } from 'onnx-buf';
import { type Encoder, readEncoder } from '../encoders/external.ts';
import { encoderLayers, numberedLayers } from '../encoders/layers.ts';
import { TonnoError } from '../errors.ts';
import { type NiftiInfo, niftiProblems, readNiftiHeader } from '../formats/nifti.ts';
import { spatialLayers } from '../onnx/layers.ts';
import {
  describeType,
  graphInputs,
  type Model,
  metadataProperties,
  opset,
  parseModel,
  tensorType,
} from '../onnx/model.ts';
import { channelStatistics, type Statistics } from '../volume/statistics.ts';
import { axisCodes, spacing } from '../volume/volume.ts';
import { onFile, openSource, readBytes } from './files.ts';
import { layerFacts, type NumberedLayer, withNumbers } from './layers.ts';
import { messageOf, type Run } from './run.ts';
import { readVolume } from './volumes.ts';

export function addInfo(program: Command, run: Run): void {
  program
    .command('info')
    .summary('describe a volume or an ONNX model')
    .description(
      'Describe a volume (header, axes, spacing, value range) or an ONNX model (inputs, outputs, layers).',
    )
    .argument('<file>')
    .option('--header', 'of a volume, the header only: reads no voxels')
    .action((path: string, options: { header?: boolean }) =>
      run(async () => {
        const { lines, facts } = (await looksLikeVolume(path))
          ? await describeVolume(path, options, run)
          : await describeModel(path);
        for (const line of lines) run.terminal.print(line);
        run.terminal.result(facts);
      }),
    );
}

/** By content: gzip, or the length of a NIfTI header in either byte order. */
async function looksLikeVolume(path: string): Promise<boolean> {
  // Opening as a source says kindly what is wrong with folders and missing files.
  await openSource(path);
  const head = new DataView(new ArrayBuffer(4));
  await onFile(path, async () => {
    const file = await open(path);
    try {
      await file.read(new Uint8Array(head.buffer), 0, 4, 0);
    } finally {
      await file.close();
    }
  });
  const gzip = head.getUint16(0) === 0x1f8b;
  return gzip || [348, 540].some((size) => head.getInt32(0, true) === size || head.getInt32(0) === size);
}

/** What is printed for people, and the same for programs. */
interface Description {
  readonly lines: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

async function describeVolume(
  path: string,
  { header }: { header?: boolean },
  { signal }: Run,
): Promise<Description> {
  const info = await readNiftiHeader(await openSource(path), path, { signal });
  const problems = niftiProblems(info).map(({ problem, remedy }) => `${problem} ${remedy}`);
  let values: readonly Statistics[] | undefined;
  if (problems.length === 0 && !header) {
    try {
      const { volume, notFinite } = await readVolume(path, { nan: 'zero', signal });
      values = channelStatistics(volume);
      if (notFinite > 0) problems.push(`${notFinite} voxels are not finite; they count as 0 here.`);
    } catch (error) {
      problems.push(messageOf(error));
    }
  }
  const lines = [path, ...headerLines(info), ...valueLines(values ?? []), ...problems.map(problemLine)];
  return { lines, facts: { kind: 'volume', file: path, ...headerFacts(info), values, problems } };
}

function headerFacts(info: NiftiInfo): Record<string, unknown> {
  const { version, compressed, pair, endian, datatype, dims, shape, channels, geometry } = info;
  return {
    format: `NIfTI-${version}`,
    compressed,
    pair,
    endian,
    datatype,
    slope: info.slope,
    inter: info.inter,
    dims: dims.slice(1, dims[0] + 1),
    shape,
    channels,
    axes: axisCodes(geometry),
    spacing: spacing(geometry),
    affine: geometry.affine,
    affineSource: info.affineSource,
    qformCode: geometry.nifti.qformCode,
    sformCode: geometry.nifti.sformCode,
    description: info.description,
  };
}

function headerLines(info: NiftiInfo): string[] {
  const {
    version,
    compressed,
    pair,
    endian,
    datatype,
    slope,
    inter,
    shape,
    channels,
    geometry,
    description,
  } = info;
  const { affine, nifti } = geometry;
  const container = `${compressed ? ', gzip' : ''}${pair ? ', header of a pair' : ''}`;
  const scaled = slope !== 0 && Number.isFinite(slope) && (slope !== 1 || inter !== 0);
  const row = (r: number) =>
    affine
      .slice(4 * r, 4 * r + 4)
      .map((value) => short(value).padStart(10))
      .join('');
  return [
    `  format    NIfTI-${version}${container}, ${endian}-endian, ${datatype}${scaled ? ` × ${short(slope)} + ${short(inter)}` : ''}`,
    `  shape     ${shape.join(' × ')} (axis 0 × 1 × 2)${channels > 1 ? `, ${channels} channels` : ''}`,
    `  axes      ${axisCodes(geometry)}: the world directions in which axis 0, 1, 2 increase`,
    `  spacing   ${spacing(geometry).map(short).join(' × ')} mm`,
    `  affine  ${row(0)}`,
    `          ${row(1)}`,
    `          ${row(2)}`,
    `            from ${info.affineSource}; qform code ${nifti.qformCode}, sform code ${nifti.sformCode}`,
    ...(description ? [`  descrip   ${description}`] : []),
  ];
}

function valueLines(values: readonly Statistics[]): string[] {
  return values.map(({ minimum, maximum, mean, std }, c) => {
    const channel = values.length > 1 ? `channel ${c}: ` : '';
    return `  values    ${channel}${short(minimum)} to ${short(maximum)}, mean ${short(mean)}, deviation ${short(std)}`;
  });
}

async function describeModel(path: string): Promise<Description> {
  const bytes = await readBytes(path);
  let model: Model;
  try {
    model = parseModel(bytes, path);
  } catch (cause) {
    const reason = cause instanceof TonnoError ? `${cause.problem} ${cause.remedy}` : messageOf(cause);
    throw new TonnoError(path, `It is no NIfTI volume, and cannot be read as an ONNX model: ${reason}`, {
      cause,
    });
  }
  const describe = (info: ValueInfo) => ({ name: info.name, type: describeType(tensorType(info)) });
  const inputs = graphInputs(model).map(describe);
  const outputs = model.graph.output.map(describe);
  const metadata = metadataProperties(model);
  const producer = [model.producerName, model.producerVersion].filter(Boolean).join(' ');
  const problems: string[] = [];
  let encoder: Encoder | undefined;
  let layers = withNumbers(spatialLayers(model), []);
  try {
    encoder = await readEncoder(bytes, path);
    layers = encodersLayers(encoder);
  } catch (error) {
    problems.push(messageOf(error));
  }
  layers = layers.filter(({ number, sensible }) => number !== undefined || sensible);
  const lines = [
    path,
    `  format    ONNX, opset ${opset(model)}, ${model.graph.node.length} nodes${producer ? `, by ${producer}` : ''}`,
    ...inputs.map(({ name, type }) => `  input     ${name}: ${type}`),
    ...outputs.map(({ name, type }) => `  output    ${name}: ${type}`),
    ...(encoder ? encoderLines(encoder) : []),
    ...Object.entries(metadata).map(([key, value]) => `  metadata  ${key} = ${value}`),
    ...layers.map(layerLine),
    ...problems.map(problemLine),
  ];
  const facts = {
    kind: 'model',
    file: path,
    producer,
    opset: opset(model),
    inputs,
    outputs,
    metadata,
    layers: layers.map(layerFacts),
    problems,
  };
  return { lines, facts: { ...facts, encoder: encoder && encoderFacts(encoder) } };
}

/** All but the weights. */
function encoderFacts({ model: _, ...facts }: Encoder): Record<string, unknown> {
  return facts;
}

function encoderLines({ channels, layout, size, batch, outputs, classes, activation }: Encoder): string[] {
  const facts = [
    `${channels} channel${channels === 1 ? '' : 's'} (${layout})`,
    size ? `slices of ${size.rows} × ${size.columns}` : 'slices of any size',
    batch === undefined ? 'any batch' : `batches of ${batch}`,
    outputs === undefined ? 'an unknown number of classes' : `${outputs} class${outputs === 1 ? '' : 'es'}`,
  ];
  if (activation !== 'none') facts.push(`its final ${activation} is taken off`);
  return [
    `  encoder   ${facts.join(', ')}`,
    ...(classes.length > 0 ? [`  classes   ${classes.join(', ')}`] : []),
  ];
}

function encodersLayers(encoder: Encoder): NumberedLayer[] {
  const model = parseModel(encoder.model, encoder.name);
  const layers = encoderLayers(model, encoder);
  return withNumbers(layers, numberedLayers(encoder, layers, model));
}

function layerLine(
  { number, tensor, operator, stride, size, channels }: NumberedLayer,
  index: number,
): string {
  const facts = [
    `stride ${stride.rows}`,
    ...(size ? [`${size.rows} × ${size.columns}`] : []),
    ...(channels ? [`${channels} channels`] : []),
  ];
  const heading = (index === 0 ? 'layers' : '').padEnd(10);
  return `  ${heading}${number ?? '-'}  ${tensor} (${operator}): ${facts.join(', ')}`;
}

function problemLine(problem: string): string {
  return `  problem   ${problem}`;
}

/** Enough digits to tell values apart, no more. */
function short(value: number): string {
  return String(Number(value.toPrecision(5)));
}
