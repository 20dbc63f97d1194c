/** Series to segment: those in test/fixtures/dicom-seg, and random ones in memory. */
import { readdirSync, readFileSync } from 'node:fs';
import fc from 'fast-check';
import { readDicom } from '../../../src/formats/dicom/object.ts';
import {
  chooseSeries,
  type DecodedDicom,
  decodeSeries,
  groupSeries,
} from '../../../src/formats/dicom/series.ts';
import { type DicomElements, dicomFile } from '../../support/dicom.ts';
import { decimals, items, sliceElements, text } from './slices.ts';

export const FIXTURES = new URL('../../fixtures/dicom-seg/', import.meta.url);

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(new URL(name, FIXTURES)));
}

/** All files of a folder as the one series that they are. */
export async function seriesIn(folder: URL, name: string): Promise<DecodedDicom> {
  const objects = await Promise.all(
    readdirSync(folder).map((file) => readDicom(new Uint8Array(readFileSync(new URL(file, folder))), file)),
  );
  return decodeSeries(chooseSeries(groupSeries(objects).series, name));
}

export function fixtureSeries(name: string): Promise<DecodedDicom> {
  return seriesIn(new URL(`${name}/`, FIXTURES), name);
}

export interface RandomSource {
  /** Slices, rows, columns. */
  readonly shape: readonly [number, number, number];
  /** A quaternion, not of length 1. */
  readonly turn: readonly [number, number, number, number];
  /** Millimetres between slices, rows, columns. */
  readonly spacing: readonly [number, number, number];
  readonly origin: readonly [number, number, number];
  /** Whether all slices are frames of one object. */
  readonly multiframe: boolean;
}

const short = fc.integer({ min: 1, max: 5 });
const inside = (min: number, max: number) => fc.double({ min, max, noNaN: true });

/** Grids of any obliqueness, small. */
export const randomSource: fc.Arbitrary<RandomSource> = fc.record({
  shape: fc.tuple(short, short, short),
  turn: fc
    .tuple(inside(-1, 1), inside(-1, 1), inside(-1, 1), inside(-1, 1))
    .filter((turn) => Math.hypot(...turn) > 0.1),
  spacing: fc.tuple(inside(0.3, 6), inside(0.3, 3), inside(0.3, 3)),
  origin: fc.tuple(inside(-500, 500), inside(-500, 500), inside(-500, 500)),
  multiframe: fc.boolean(),
});

/** Directions of rows, columns and slices: the columns of a quaternion's matrix. */
function axes(turn: readonly number[]): number[][] {
  const length = Math.hypot(...turn);
  const [a, b, c, d] = turn.map((part) => part / length);
  return [
    [a * a + b * b - c * c - d * d, 2 * (b * c + a * d), 2 * (b * d - a * c)],
    [2 * (b * c - a * d), a * a - b * b + c * c - d * d, 2 * (c * d + a * b)],
    [2 * (b * d + a * c), 2 * (c * d - a * b), a * a - b * b - c * c + d * d],
  ];
}

/** The series of such a source, read from files: slices last first, as files may come in any order. */
export async function madeSeries({ shape, turn, spacing, origin, multiframe }: RandomSource) {
  const [row, column, normal] = axes(turn);
  const [depth, rows, columns] = shape;
  const directions = [...row, ...column].map((part) => Number(part.toFixed(12)));
  const position = (d: number) =>
    origin.map((part, i) => Number((part + normal[i] * d * spacing[0]).toFixed(9)));
  const places = Array.from({ length: depth }, (_, i) => position(depth - 1 - i));
  const values = Array.from({ length: rows * columns }, (_, i) => i);
  const common = { rows, columns, directions, pixelSpacing: spacing.slice(1) };
  const thickness = { '00180050': decimals(spacing[0]) };
  const frameOfGroups = (place: number[]): DicomElements => ({
    '00209113': items({ '00200032': decimals(...place) }),
  });
  const files = multiframe
    ? [
        sliceElements({
          ...common,
          position: places[0],
          values: places.flatMap(() => values),
          more: {
            '00200032': undefined,
            '00200037': undefined,
            '00280030': undefined,
            '00280008': text(String(depth), 'IS'),
            '52009229': items({
              '00209116': items({ '00200037': decimals(...directions) }),
              '00289110': items({ '00280030': decimals(...spacing.slice(1)), ...thickness }),
            }),
            '52009230': items(...places.map(frameOfGroups)),
          },
        }),
      ]
    : places.map((place, i) =>
        sliceElements({ ...common, position: place, values, instance: i + 1, more: thickness }),
      );
  const objects = await Promise.all(files.map((file, i) => readDicom(dicomFile(file), `${i}.dcm`)));
  return decodeSeries(chooseSeries(groupSeries(objects).series, 'random'));
}

/** An element as pydicom writes it in the JSON model of DICOM (PS3.18 F). */
interface JsonElement {
  readonly vr: string;
  readonly Value?: readonly (string | number | { readonly Alphabetic: string } | JsonItem)[];
  readonly InlineBinary?: string;
}
type JsonItem = { readonly [tag: string]: JsonElement };

/** The elements of a segmentation that was written here, as pydicom read them (scripts/fixtures/check_seg.py). */
export function checkedElements(name: string): DicomElements {
  return elementsOf(JSON.parse(readFileSync(new URL(`written-${name}.json`, FIXTURES), 'utf8')));
}

function elementsOf(json: JsonItem): DicomElements {
  return Object.fromEntries(
    Object.entries(json).map(([tag, { vr, Value = [], InlineBinary }]) => {
      const values = Value.map((value) =>
        typeof value !== 'object'
          ? vr === 'AT'
            ? Number.parseInt(String(value), 16)
            : value
          : 'Alphabetic' in value && typeof value.Alphabetic === 'string'
            ? value.Alphabetic
            : elementsOf(value as JsonItem),
      );
      const value = InlineBinary ? new Uint8Array(Buffer.from(InlineBinary, 'base64')) : values;
      return [tag.toLowerCase(), { vr, value: value as DicomElements[string]['value'] }];
    }),
  );
}
