/**
 * A heatmap with what is written beside it: its place in the input, its name, and the record of how it was made. A
 * heatmap is never without the settings and the seed that made it, wherever it was made.
 */
import type { Response } from '../responses/response.ts';
import { VERSION } from '../version.ts';
import { type Box, uncropVolume } from '../volume/crop.ts';
import { extremes } from '../volume/statistics.ts';
import { spacing, type Volume } from '../volume/volume.ts';
import type { WantedHeatmap } from './engine.ts';
import type { Plan } from './methods.ts';
import type { Heatmap } from './targets.ts';

/** A heatmap as it came out of a pass. */
export interface MadeHeatmap {
  readonly wanted: WantedHeatmap;
  readonly values: Heatmap;
  readonly response: Pick<Response, 'names' | 'size'>;
  /** As it was read: its grid becomes the heatmap's. */
  readonly input: Omit<Volume, 'data'>;
  /** Where what was sliced lies in the input. Outside of it the heatmap is 0: nothing was looked at there. */
  readonly box: Box;
  /** Of the whole pass. */
  readonly slices: number;
  /** ISO 8601. */
  readonly started: string;
  readonly seconds: number;
}

export interface RecordOptions {
  /** What ran beside this package: `{ node: 'v20.20.2' }`. */
  readonly software: Readonly<Record<string, string>>;
  /** What else is to be said: encoder, class, preprocessing, device. */
  readonly shared: Readonly<Record<string, unknown>>;
  /** Name of the heatmap's file. */
  readonly file: string;
}

export type HeatmapRecord = Readonly<Record<string, unknown>> & {
  readonly heatmap: { readonly file: string; readonly minimum: number; readonly maximum: number };
};

/** Everything that made a heatmap, as plain JSON. */
export function heatmapRecord(
  { wanted, values, response, input, box, slices, started, seconds }: MadeHeatmap,
  { software, shared, file }: RecordOptions,
): HeatmapRecord {
  const { plan, maps } = wanted;
  const cropped = box.from.some((start) => start > 0) || box.to.some((end, axis) => end < input.shape[axis]);
  return {
    software: { name: 'tonno', version: VERSION, ...software },
    input: {
      file: input.name,
      shape: input.shape,
      channels: input.channels,
      spacing: spacing(input.geometry),
    },
    ...shared,
    response: response.names[maps],
    ...wanted.record,
    ...(cropped && { croppedTo: box }),
    sliceSize: [response.size.rows, response.size.columns],
    ...plan,
    directionsDone: values.done,
    started,
    seconds: round(seconds),
    slicesMeasured: slices,
    slicesPerSecond: round(slices / seconds),
    heatmap: { file, ...extremes(values.data) },
  };
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

/** The heatmap on the input's whole grid. */
export function heatmapVolume({ values, box, input }: Pick<MadeHeatmap, 'values' | 'box' | 'input'>): Volume {
  return {
    data: uncropVolume(values.data, values.kinds, box, input.shape),
    channels: values.kinds,
    shape: input.shape,
    geometry: input.geometry,
  };
}

/** `desc-averaged-cam_cam-layercam_layer-2`, with nothing in it that a file's name may not hold. */
export function heatmapEntities({
  plan,
  entities = {},
}: { readonly plan: Pick<Plan, 'method'> } & Pick<WantedHeatmap, 'entities'>): string {
  const all = Object.entries({ desc: plan.method, ...entities });
  const safe = (value: string) => value.replace(/[^\w.+-]+/g, '-').replace(/^-+|-+$/g, '');
  return all.map(([key, value]) => `${key}-${safe(value)}`).join('_');
}

/** For the descrip field of NIfTI, 79 bytes: what is most telling first, and what does not fit left out whole. */
export function heatmapDescription(
  { method, slices, filter, seed }: Plan,
  name: string,
  done: number,
): string {
  const stack = slices === undefined ? [] : [`M=${slices}`];
  const items = [method, name, `L=${done}`, ...stack, filter, `seed=${seed}`];
  return items.reduce(
    (text, item) => (text.length + item.length < 79 ? `${text} ${item}` : text),
    `tonno ${VERSION}`,
  );
}
