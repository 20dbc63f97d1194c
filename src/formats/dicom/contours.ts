/**
 * Polygons to pixels. A pixel belongs to a set of closed contours when a ray from its centre crosses their edges an
 * odd number of times: so inner contours are holes, islands in holes are filled again, and a contour that cuts its
 * way to its own hole (a key-hole) needs nothing of its own. Edges are half open, so that contours which share an
 * edge share no pixel and leave none out.
 */

/** Corners of a closed contour in pixels, x and y in turn; (0, 0) is the centre of the first pixel. */
export type Polygon = ArrayLike<number>;

/** Where pixels of a plane lie in an array: index = first + x · stepX + y · stepY, for x < width and y < height. */
export interface PixelGrid {
  readonly width: number;
  readonly height: number;
  readonly first: number;
  readonly stepX: number;
  readonly stepY: number;
}

/**
 * Sets `target` to 1 where a pixel's centre lies in an odd number of the polygons. A centre that lies on an edge
 * belongs to the polygon on the edge's side of greater x, or of greater y where the edge runs along x.
 */
export function fillPolygons(polygons: readonly Polygon[], grid: PixelGrid, target: Float32Array): void {
  const rows = crossings(polygons, grid.height);
  rows.forEach((row, y) => {
    if (!row) return;
    const sorted = Float64Array.from(row).sort();
    for (let i = 0; i + 1 < sorted.length; i += 2) {
      const start = Math.max(0, Math.ceil(sorted[i]));
      const end = Math.min(grid.width, Math.ceil(sorted[i + 1]));
      let at = grid.first + y * grid.stepY + start * grid.stepX;
      for (let x = start; x < end; x++, at += grid.stepX) target[at] = 1;
    }
  });
}

/** For each row of pixels where the polygons' edges cross it. */
function crossings(polygons: readonly Polygon[], height: number): (number[] | undefined)[] {
  const rows: (number[] | undefined)[] = new Array(height);
  for (const polygon of polygons) {
    const { length } = polygon;
    for (let i = 0; i < length; i += 2) {
      const next = (i + 2) % length;
      // From the lower end to the upper, whichever way the contour goes, so that a shared edge gives the same numbers.
      const [low, high] = polygon[i + 1] < polygon[next + 1] ? [i, next] : [next, i];
      const [x0, y0, x1, y1] = [polygon[low], polygon[low + 1], polygon[high], polygon[high + 1]];
      const end = Math.min(height, Math.ceil(y1));
      for (let y = Math.max(0, Math.ceil(y0)); y < end; y++) {
        rows[y] ??= [];
        rows[y]!.push(x0 + ((y - y0) / (y1 - y0)) * (x1 - x0));
      }
    }
  }
  return rows;
}
