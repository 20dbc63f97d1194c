/** What heatmaps are called in tables and on pages: the paper's names, with the map that a method sums. */
import { type CamName, cams } from '../responses/cam/cams.ts';
import type { MethodName } from './methods.ts';

/** What a heatmap is of. Its layer is told beside its title. */
export interface HeatmapKind {
  readonly method: MethodName;
  /** Absent for methods without maps, and for maps that are none of a class. */
  readonly cam?: CamName;
}

/** How slice-wise maps along the three array axes are marked: the paper's ★ (A.8), or in words where it has no glyph. */
export type AxesMark = '★' | 'words';

/** "ToNNO", "LayerCAM", "LayerCAM ★", "Tomographic LayerCAM" and so on, without the layer. */
export function heatmapTitle({ method, cam }: HeatmapKind, mark: AxesMark = 'words'): string {
  const map = cam === undefined ? 'map' : cams[cam].title;
  switch (method) {
    case 'tonno':
      return 'ToNNO';
    case 'cam':
      return cam === undefined ? 'Slice-wise map' : map;
    case 'cam-3axes':
      return `${cam === undefined ? 'Slice-wise map' : map}${mark === '★' ? ' ★' : ', 3 axes'}`;
    case 'averaged-cam':
      return `Averaged ${map}`;
    case 'tomographic-cam':
      return `Tomographic ${map}`;
    case 'iterative-cam':
      return `Iterative ${map}`;
  }
}
