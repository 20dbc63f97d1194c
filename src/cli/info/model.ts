/** What an ONNX model is, down to its layers. */
import type { ValueInfoProto as ValueInfo } from 'onnx-buf';
import { type Encoder, readEncoder } from '../../encoders/external.ts';
import { encoderLayers, numberedLayers } from '../../encoders/layers.ts';
import { TonnoError } from '../../errors.ts';
import { spatialLayers } from '../../onnx/layers.ts';
import {
  describeType,
  graphInputs,
  type Model,
  metadataProperties,
  opset,
  parseModel,
  tensorType,
} from '../../onnx/model.ts';
import { readBytes } from '../files.ts';
import { layerFacts, type NumberedLayer, withNumbers } from '../layers.ts';
import { messageOf } from '../run.ts';
import { type Description, problemLine } from './description.ts';

/**
 * @param noVolume what the file is instead of a volume, for the sentence that it is no model either.
 * @throws TonnoError when it is none.
 */
export async function describeModel(path: string, noVolume: string): Promise<Description> {
  const bytes = await readBytes(path);
  let model: Model;
  try {
    model = parseModel(bytes, path);
  } catch (cause) {
    const reason = cause instanceof TonnoError ? `${cause.problem} ${cause.remedy}` : messageOf(cause);
    throw new TonnoError(path, `${noVolume}, and cannot be read as an ONNX model: ${reason}`, {
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
