/** Connected components as they are taught: from each voxel that has no label yet, breadth first to all its neighbours. */
import type { Components, Connectivity } from '../../src/evaluation/components.ts';
import { type Shape, voxelCount } from '../../src/volume/volume.ts';

/** How many coordinates a neighbour may differ in. */
const steps: Readonly<Record<Connectivity, number>> = { 6: 1, 18: 2, 26: 3 };

export function floodFill(marked: Uint8Array, shape: Shape, connectivity: Connectivity): Components {
  const [depth, height, width] = shape;
  const offsets: (readonly [number, number, number])[] = [];
  for (const d of [-1, 0, 1]) {
    for (const h of [-1, 0, 1]) {
      for (const w of [-1, 0, 1]) {
        const differ = Math.abs(d) + Math.abs(h) + Math.abs(w);
        if (differ > 0 && differ <= steps[connectivity]) offsets.push([d, h, w]);
      }
    }
  }
  const labels = new Int32Array(voxelCount(shape));
  // Each voxel enters the queue once at most.
  const queue = new Int32Array(voxelCount(shape));
  const sizes: number[] = [];
  for (let first = 0; first < labels.length; first++) {
    if (marked[first] === 0 || labels[first] !== 0) continue;
    const label = sizes.length + 1;
    labels[first] = label;
    queue[0] = first;
    let end = 1;
    for (let at = 0; at < end; at++) {
      const voxel = queue[at];
      const row = Math.floor(voxel / width);
      const [d, h, w] = [Math.floor(row / height), row % height, voxel % width];
      for (let i = 0; i < offsets.length; i++) {
        const [a, b, c] = [d + offsets[i][0], h + offsets[i][1], w + offsets[i][2]];
        if (a < 0 || a >= depth || b < 0 || b >= height || c < 0 || c >= width) continue;
        const next = (a * height + b) * width + c;
        if (marked[next] === 0 || labels[next] !== 0) continue;
        labels[next] = label;
        queue[end++] = next;
      }
    }
    sizes.push(end);
  }
  return { labels, count: sizes.length, sizes: Int32Array.from(sizes) };
}
