/** What is at the crosshair: voxel, place in the world, values. */
import type { JSX } from 'preact';
import { short, type ViewerState } from './state.ts';

export function Crosshair({ state }: { state: ViewerState }): JSX.Element {
  const [d, h, w] = state.crosshair.value;
  const probe = state.probe.value;
  const { units } = state.info;
  return (
    <dl class="crosshair" data-testid="crosshair">
      <div>
        <dt>Voxel</dt>
        <dd>
          {d}, {h}, {w}
        </dd>
      </div>
      {probe && (
        <>
          <div>
            <dt title="Millimetres; right, front and up are positive.">World, RAS mm</dt>
            <dd>{probe.world.map((value) => value.toFixed(1)).join(', ')}</dd>
          </div>
          <div>
            <dt>Image</dt>
            <dd>
              {probe.values.map(short).join(', ')}
              {units ? ` ${units}` : ''}
            </dd>
          </div>
          {probe.heatmap !== undefined && (
            <div>
              <dt>Heatmap</dt>
              <dd>{short(probe.heatmap)}</dd>
            </div>
          )}
          {probe.truth && (
            <div>
              <dt>Truth</dt>
              <dd>lesion</dd>
            </div>
          )}
        </>
      )}
    </dl>
  );
}
