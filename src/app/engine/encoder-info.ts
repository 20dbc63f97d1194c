/** What the page tells of an encoder before it is run: its classes, its layers, and how it wants a scan's values. */
import type { Encoder } from '../../encoders/external.ts';
import { encoderLayers, numberedLayers } from '../../encoders/layers.ts';
import type { Preprocessing } from '../../encoders/preprocessing.ts';
import { TonnoError } from '../../errors.ts';
import type { SpatialLayer } from '../../onnx/layers.ts';
import { parseModel } from '../../onnx/model.ts';
import { DEFAULT_SIZE } from '../../responses/encoder.ts';
import type { EncoderInfo } from '../protocol.ts';

export function encoderInfo(encoder: Encoder): EncoderInfo {
  const { name, channels, size, preprocessing } = encoder;
  const side = size?.rows ?? DEFAULT_SIZE;
  const layers = layersOf(encoder, size ?? { rows: side, columns: side });
  return {
    name,
    channels,
    classes: classNames(encoder),
    ...(size && { size: size.rows }),
    defaultSize: side,
    ...layers,
    scaling: scalingInWords(preprocessing),
  };
}

function classNames({ classes, outputs = 0 }: Encoder): readonly string[] {
  return classes.length > 0 ? classes : Array.from({ length: outputs }, (_, index) => String(index));
}

function layersOf(
  encoder: Encoder,
  size: { readonly rows: number; readonly columns: number },
): Pick<EncoderInfo, 'layers' | 'noLayers'> {
  try {
    const model = parseModel(encoder.model, encoder.name);
    const numbered = numberedLayers(encoder, encoderLayers(model, encoder, { size }), model);
    const layers = numbered.flatMap((layer, i) =>
      layer?.live ? [{ name: String(i + 1), title: `${i + 1}: ${describe(layer)}` }] : [],
    );
    if (layers.length > 0) return { layers };
    return {
      layers,
      noLayers: `No layer of this network lies in an image of ${size.rows} × ${size.columns} pixels, as far as its graph can be followed.`,
    };
  } catch (error) {
    if (error instanceof TonnoError) return { layers: [], noLayers: error.problem };
    throw error;
  }
}

/** "/layer2/Relu_output_0, 8 × 8": names of exporters are long, but they are what the network is known by. */
function describe({ tensor, size }: SpatialLayer): string {
  return size ? `${tensor}, ${size.rows} × ${size.columns}` : tensor;
}

const NORMALISED: Readonly<Record<Preprocessing['normalise'], string>> = {
  none: 'values as they are',
  zscore: 'each channel to mean 0 and deviation 1',
  range: 'each channel from its minimum to its maximum to 0 to 1',
};

/** What is done to a scan's values, in the order in which it is done. */
export function scalingInWords({ normalise, scale, mean, std, outside, crop }: Preprocessing): string {
  const list = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(6))).join(', ');
  const parts = [
    crop && `cropped to where channel ${crop.channel} is above ${crop.above}`,
    NORMALISED[normalise],
    scale.some((value) => value !== 1) && `times ${list(scale)}`,
    mean.some((value) => value !== 0) && `minus ${list(mean)}`,
    std.some((value) => value !== 1) && `divided by ${list(std)}`,
    outside === 'minimum' ? 'its minimum outside' : outside !== 0 && `${outside} outside`,
  ].filter(Boolean);
  const text = parts.join('; ');
  return `${text[0].toUpperCase()}${text.slice(1)}.`;
}
