/** A DICOM Segmentation read by a library that had no part in writing it: the points of the world that it marks. */
import dcmjs from 'dcmjs';

/** A sequence of one item may be that item. */
type Sequence<T> = T | readonly T[];

interface Frame {
  readonly PlanePositionSequence: Sequence<{ readonly ImagePositionPatient: readonly number[] }>;
}

interface Segmentation {
  readonly Rows: number;
  readonly Columns: number;
  readonly BitsAllocated: number;
  readonly PixelData: Sequence<ArrayBuffer>;
  readonly SharedFunctionalGroupsSequence: Sequence<{
    readonly PlaneOrientationSequence: Sequence<{ readonly ImageOrientationPatient: readonly number[] }>;
    readonly PixelMeasuresSequence: Sequence<{ readonly PixelSpacing: readonly number[] }>;
  }>;
  readonly PerFrameFunctionalGroupsSequence: Sequence<Frame>;
}

const many = <T>(value: Sequence<T>): readonly T[] => (Array.isArray(value) ? value : [value as T]);
const one = <T>(value: Sequence<T>): T => many(value)[0];

/** A point of the world in millimetres as text, so that points can be compared as sets. */
export const pointText = (point: readonly number[]) =>
  point.map((value) => (Math.round(value * 100) / 100 + 0).toFixed(2)).join(' ');

/** RAS+, sorted; of all segments together. */
export function segmentationPoints(bytes: Buffer): string[] {
  const { dict } = dcmjs.data.DicomMessage.readFile(Uint8Array.from(bytes).buffer);
  const set = dcmjs.data.DicomMetaDictionary.naturalizeDataset(dict) as Segmentation;
  const shared = one(set.SharedFunctionalGroupsSequence);
  const orientation = one(shared.PlaneOrientationSequence).ImageOrientationPatient.map(Number);
  const [down, across] = one(shared.PixelMeasuresSequence).PixelSpacing.map(Number);
  const pixels = new Uint8Array(one(set.PixelData));
  const marked = (index: number) =>
    set.BitsAllocated === 1 ? (pixels[index >> 3] >> (index & 7)) & 1 : pixels[index];
  const points = new Set<string>();
  many(set.PerFrameFunctionalGroupsSequence).forEach((frame, f) => {
    const position = one(frame.PlanePositionSequence).ImagePositionPatient.map(Number);
    for (let r = 0; r < set.Rows; r++) {
      for (let c = 0; c < set.Columns; c++) {
        if (!marked((f * set.Rows + r) * set.Columns + c)) continue;
        const [x, y, z] = position.map(
          (p, i) => p + c * across * orientation[i] + r * down * orientation[3 + i],
        );
        points.add(pointText([-x, -y, z]));
      }
    }
  });
  return [...points].sort();
}
