/**
 * A series of DICOM objects as a volume. Objects are grouped (grouping.ts) and one series is chosen (choosing.ts); its planes
 * (planes.ts) are put in order by where they lie (geometry.ts), decoded one after the other into one array, and rescaled
 * (rescale.ts); PET becomes SUV (suv.ts).
 *
 * @example
 * const { series, passedOver } = groupSeries(await Promise.all(files.map(({ bytes, name }) => readDicom(bytes, name))));
 * const { volume, notes } = await decodeSeries(chooseSeries(series, folder, undefined, passedOver));
 */
import { VolumeError } from '../../errors.ts';
import { type Volume, voxelCount } from '../../volume/volume.ts';
import { DEFAULT_MAX_BYTES, refuse, sizeProblem } from '../decoding.ts';
import { allocateVoxels, settleNotFinite } from '../voxels.ts';
import { decodeFrame } from './frames.ts';
import { number, stackPlanes } from './geometry.ts';
import { type DicomSeries, seriesPlanes } from './grouping.ts';
import type { DicomObject } from './object.ts';
import { differences } from './parts.ts';
import type { Plane } from './planes.ts';
import { planeRescale, type Rescale, rescaledUnits, rescaleNotes } from './rescale.ts';
import { petScaling } from './suv.ts';

export { chooseSeries } from './choosing.ts';
export { type DicomSeries, groupSeries, type PassedOver } from './grouping.ts';

const SOP_INSTANCE = '00080018';
const TILT = '00181120';

/** Where a plane of the volume came from. */
export interface SourceSlice {
  readonly object: DicomObject;
  /** From 0. */
  readonly frame: number;
  readonly sopInstance: string;
}

export interface DecodedDicom {
  /** One channel. Axis 0 along the planes' normal (row × column direction), axis 1 down the columns, axis 2 along the rows. */
  readonly volume: Volume;
  /** In the order of axis 0. */
  readonly slices: readonly SourceSlice[];
  /** Voxels that were NaN or infinite and are 0 now; 0 unless `nan` was 'zero'. */
  readonly notFinite: number;
  /** What was done to the values, as sentences. */
  readonly notes: readonly string[];
  /** What a value is, where the files say it: 'HU', 'SUVbw', 'Bq/ml', 'Gy' … */
  readonly units?: string;
}

export interface DicomDecodeOptions {
  /** Whether PET becomes SUV by body weight; true unless given. Otherwise values are as the files have them. */
  readonly suv?: boolean;
  /** What to do with voxels that are NaN or infinite: 'refuse' unless given; 'zero' makes them 0. */
  readonly nan?: 'refuse' | 'zero';
  readonly signal?: AbortSignal;
  /** Most bytes that the voxels may take as float32; 8 GiB unless given. */
  readonly maxBytes?: number;
}

/**
 * The volume of a series. Values are slope × stored + intercept of each plane in float64, rounded to float32; PET is SUV by
 * body weight unless `suv` is false.
 * @throws VolumeError when its planes are not one even upright stack (a plane missing or doubled, uneven, tilted or mixed),
 *   when a file is damaged or of a kind that is not decoded, or when PET does not give what SUV needs.
 */
export async function decodeSeries(
  series: DicomSeries,
  options: DicomDecodeOptions = {},
): Promise<DecodedDicom> {
  const { suv = true, nan = 'refuse', signal, maxBytes = DEFAULT_MAX_BYTES } = options;
  const name = seriesName(series);
  signal?.throwIfAborted();
  const unsorted = seriesPlanes(series);
  if (unsorted.length === 0) throw new VolumeError(name, 'It holds no image.');
  const depth = unsorted.length === 1 ? unsorted[0].depth : undefined;
  const { affine, order } = stackPlanes(unsorted, name, {
    depth,
    tilt: unsorted[0].object.dataset.number(TILT),
    differences: (shared) => differences(shared.map((i) => unsorted[i])),
  });
  const planes = order.map((i) => unsorted[i]);
  const rescales = planes.map(planeRescale);
  const pet = series.modality === 'PT' ? petScaling(planes, name, suv) : undefined;

  const shape = [planes.length, planes[0].size[0], planes[0].size[1]] as const;
  const data = allocate(shape, name, maxBytes);
  for (let d = 0; d < planes.length; d++) {
    signal?.throwIfAborted();
    await fillPlane(data, d, planes[d], rescales[d], pet?.factors[d] ?? 1);
  }
  const notFinite = settleNotFinite(data, name, nan);
  const notes = [
    ...(depth
      ? [`It is a single plane, ${number(depth.millimetres)} mm thick by its ${depth.attribute}.`]
      : []),
    ...rescaleNotes(planes, rescales),
    ...(pet?.notes ?? []),
  ];
  return {
    volume: { name, data, channels: 1, shape, geometry: { affine } },
    slices: planes.map(({ object, frame }) => ({
      object,
      frame,
      sopInstance: object.dataset.string(SOP_INSTANCE) ?? '',
    })),
    notFinite,
    notes,
    units: pet ? pet.units : rescaledUnits(planes[0]),
  };
}

/** What errors and records call a series. */
function seriesName({ uid, description, objects }: DicomSeries): string {
  if (objects.length === 1 && !uid.includes('#')) return objects[0].name;
  return description ? `series "${description}" (${uid})` : `series ${uid}`;
}

function allocate(shape: readonly [number, number, number], name: string, maxBytes: number): Float32Array {
  const count = voxelCount(shape);
  const [planes, rows, columns] = shape;
  const extent = `${columns}×${rows}×${planes}`;
  refuse(name, sizeProblem(count * Float32Array.BYTES_PER_ELEMENT, extent, { maxBytes }));
  return allocateVoxels(count, { count, extent }, name);
}

async function fillPlane(
  data: Float32Array,
  d: number,
  { object, frame, size, label }: Plane,
  { slope, intercept }: Rescale,
  factor: number,
): Promise<void> {
  const { values, rows, columns } = await decodeFrame(object, frame);
  const [height, width] = size;
  if (rows !== height || columns !== width || values.length !== height * width) {
    throw new VolumeError(
      label,
      `Its pixels are ${rows} rows × ${columns} columns, and its header says ${height} × ${width}.`,
      { remedy: 'Header and pixels do not belong together: export or download it again.' },
    );
  }
  const start = d * height * width;
  for (let i = 0; i < values.length; i++) data[start + i] = (values[i] * slope + intercept) * factor;
}
