/** Folders of small DICOM series on the disk, and files of regions that were drawn on them. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { decimals, items, type Slice, sliceElements, text } from '../formats/dicom/slices.ts';
import { dicomFile } from './dicom.ts';

/** Planes of 3 × 4 pixels, 2 mm apart: values 100·plane + 10·row + column. */
export function writeSeries(
  folder: string,
  { planes = 4, first = 0, more = {}, modality }: Partial<Slice> & { planes?: number; first?: number } = {},
): string {
  mkdirSync(folder, { recursive: true });
  for (let plane = 0; plane < planes; plane++) {
    const values = Array.from({ length: 12 }, (_, i) => 100 * plane + 10 * Math.floor(i / 4) + (i % 4));
    const elements = sliceElements({
      position: [5, 7, 11 + 2 * plane],
      rows: 3,
      columns: 4,
      values,
      instance: first + plane + 1,
      modality,
      more,
    });
    // Names say nothing of the order.
    writeFileSync(join(folder, `IM${(7 * plane + 3) % 10}${first}`), dicomFile(elements));
  }
  return folder;
}

/** An RT Structure Set with one closed contour on one plane: its corners in pixels, column and row. */
export function structureSet(
  regions: Readonly<Record<string, { plane: number; corners: readonly (readonly [number, number])[] }>>,
): Uint8Array {
  const all = Object.entries(regions);
  const number = (i: number) => text(String(i + 1), 'IS');
  return dicomFile({
    '00080016': text('1.2.840.10008.5.1.4.1.1.481.3', 'UI'),
    '00080018': text('1.2.4.1', 'UI'),
    '00080060': text('RTSTRUCT', 'CS'),
    '0020000d': text('1.2', 'UI'),
    '0020000e': text('1.2.4', 'UI'),
    '30060020': items(
      ...all.map(([name], i) => ({
        '30060022': number(i),
        '30060024': text('1.2.9', 'UI'),
        '30060026': text(name),
      })),
    ),
    '30060039': items(
      ...all.map(([, { plane, corners }], i) => ({
        '30060040': items({
          '30060042': text('CLOSED_PLANAR', 'CS'),
          '30060046': text(String(corners.length), 'IS'),
          '30060050': decimals(
            // Pixels are 1.5 mm wide and 2 mm high.
            ...corners.flatMap(([column, row]) => [5 + 1.5 * column, 7 + 2 * row, 11 + 2 * plane]),
          ),
        }),
        '30060084': number(i),
      })),
    ),
  });
}
