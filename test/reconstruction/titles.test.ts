import { expect, test } from 'vitest';
import { methods } from '../../src/reconstruction/methods.ts';
import { heatmapTitle } from '../../src/reconstruction/titles.ts';

test('heatmaps are called as in the paper', () => {
  expect(heatmapTitle({ method: 'tonno' })).toBe('ToNNO');
  expect(heatmapTitle({ method: 'cam', cam: 'layercam' })).toBe('LayerCAM');
  expect(heatmapTitle({ method: 'cam-3axes', cam: 'gradcam' })).toBe('GradCAM, 3 axes');
  expect(heatmapTitle({ method: 'cam-3axes', cam: 'gradcam' }, '★')).toBe('GradCAM ★');
  expect(heatmapTitle({ method: 'averaged-cam', cam: 'layercam' })).toBe('Averaged LayerCAM');
  expect(heatmapTitle({ method: 'tomographic-cam', cam: 'scorecam' })).toBe('Tomographic ScoreCAM');
  expect(heatmapTitle({ method: 'iterative-cam', cam: 'gradcam++' })).toBe('Iterative GradCAM++');
  expect(heatmapTitle({ method: 'averaged-cam' })).toBe('Averaged map');
});

test('no two methods have one title', () => {
  for (const cam of [undefined, 'layercam'] as const) {
    const titles = Object.keys(methods).map((method) => heatmapTitle({ method: method as 'cam', cam }));
    expect(new Set(titles).size).toBe(titles.length);
  }
});
