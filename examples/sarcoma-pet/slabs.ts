/**
 * Every patient of the sarcoma set has a tumour and every scan is cropped around it: whole scans cannot be two classes.
 * Slabs of consecutive slices can: those above and below the mask are negative, those within it positive. A crop's
 * middle is where the tumour is, so each slab is seen through a smaller window, at a random place in the plane,
 * whatever its label.
 */
import { type Random, type Shape, spacing, TonnoError, type Vector, type Volume, voxelCount } from 'tonno';

export interface SlabSettings {
  /** Slices of a slab, along axis 0. */
  readonly slices: number;
  /** Least of the finding, in mL, that makes a slab positive; one with less, but any, is left out. */
  readonly positiveFrom: number;
  /** Millimetres by which a slab's window is shorter than the scan along axes 1 and 2, rounded down to whole voxels. */
  readonly play: number;
}

/** Slices from `start` on. */
export interface Slab {
  readonly start: number;
  readonly label: 0 | 1;
}

/**
 * The slabs of a scan, from its first slice to its last. Negatives are laid outward from the mask's first and last slice,
 * as many whole ones as fit. Positives are as few as cover the mask, spread evenly from its first slice to its last: they
 * share slices with one another where its extent is no multiple of a slab. A mask shorter than one slab is in the middle of it.
 * @param mask 1 where the finding is.
 * @throws TonnoError when the mask is empty or the scan shorter than a slab.
 */
export function findSlabs(mask: Volume, { slices, positiveFrom }: SlabSettings): Slab[] {
  const { shape, data, name = 'mask' } = mask;
  const [depth, height, width] = shape;
  const slice = height * width;
  const filled = Array.from({ length: depth }, (_, d) =>
    data.subarray(d * slice, (d + 1) * slice).reduce((sum, value) => sum + (value > 0.5 ? 1 : 0), 0),
  );
  const first = filled.findIndex((count) => count > 0);
  const end = filled.findLastIndex((count) => count > 0) + 1;
  if (first < 0 || depth < slices) {
    const problem =
      first < 0 ? 'No voxel is marked.' : `It has ${depth} slices, fewer than a slab of ${slices}.`;
    throw new TonnoError(name, problem, { remedy: 'Leave this scan out.' });
  }
  const millilitres = spacing(mask.geometry).reduce((a, b) => a * b) / 1000;
  const isPositive = ({ start }: Slab) =>
    filled.slice(start, start + slices).reduce((a, b) => a + b) * millilitres >= positiveFrom;
  const slabs = (count: number, startOf: (i: number) => number, label: 0 | 1): Slab[] =>
    Array.from({ length: count }, (_, i) => ({ start: startOf(i), label }));

  const within = Math.ceil((end - first) / slices);
  const spread = (end - first - slices) / Math.max(1, within - 1);
  const positives =
    within > 1
      ? slabs(within, (i) => first + Math.round(i * spread), 1)
      : slabs(1, () => Math.max(0, Math.min(depth - slices, first + Math.floor(spread / 2))), 1);
  return [
    ...slabs(Math.floor(first / slices), (i) => first - (i + 1) * slices, 0).reverse(),
    ...positives.filter(isPositive),
    ...slabs(Math.floor((depth - end) / slices), (i) => end + i * slices, 0),
  ];
}

/** A box of voxels: its first, and how many along (axis 0, axis 1, axis 2). */
export interface Window {
  readonly from: Vector;
  readonly shape: Shape;
}

/**
 * A slab's window, drawn without a look at mask or label.
 * @throws TonnoError when `play` leaves nothing of the scan.
 */
export function drawWindow(scan: Volume, { start }: Slab, settings: SlabSettings, random: Random): Window {
  const [, along1, along2] = spacing(scan.geometry);
  const [, height, width] = scan.shape;
  const place = (length: number, size: number) => {
    const cut = Math.floor(settings.play / size);
    if (cut >= length) {
      throw new TonnoError(
        scan.name ?? 'scan',
        `A window ${settings.play} mm shorter than ${length} voxels of ${size} mm has no voxel left.`,
        { remedy: 'Give the windows less play.' },
      );
    }
    return { from: random.below(cut + 1), length: length - cut };
  };
  const [rows, columns] = [place(height, along1), place(width, along2)];
  return { from: [start, rows.from, columns.from], shape: [settings.slices, rows.length, columns.length] };
}

/**
 * The voxels of a window, where they were in the world.
 * @param volume of one channel; its window lies inside it.
 */
export function cut({ name, data, shape, geometry }: Volume, { from, shape: size }: Window): Volume {
  const cropped = new Float32Array(voxelCount(size));
  for (let d = 0; d < size[0]; d++) {
    for (let h = 0; h < size[1]; h++) {
      const row = ((from[0] + d) * shape[1] + from[1] + h) * shape[2] + from[2];
      cropped.set(data.subarray(row, row + size[2]), (d * size[1] + h) * size[2]);
    }
  }
  // The affine takes (x, y, z), which are axes 2, 1, 0.
  const affine = geometry.affine.map((value, i, a) =>
    i % 4 === 3 && i < 12 ? value + a[i - 3] * from[2] + a[i - 2] * from[1] + a[i - 1] * from[0] : value,
  );
  return { name, data: cropped, channels: 1, shape: size, geometry: { affine } };
}
