/** A table of lesions for a file: where each is, how large, how sure. */
import type { Lesion } from '../evaluation/lesions.ts';
import type { Cell } from './csv.ts';

const COLUMNS = ['number', 'volume_mm3', 'voxels', 'maximum', 'x_mm', 'y_mm', 'z_mm'];
const PEAK = ['peak_axis0', 'peak_axis1', 'peak_axis2'];

/** A row a lesion below the header; the centre in RAS+ millimetres, the peak in voxels. */
export function lesionTable(found: readonly Lesion[]): Cell[][] {
  return [
    [...COLUMNS, ...PEAK],
    ...found.map(({ number, volume, voxels, maximum, centroid, peak }) => [
      ...[number, volume, voxels, maximum],
      ...centroid,
      ...peak,
    ]),
  ];
}
