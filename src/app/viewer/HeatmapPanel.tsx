/** Which heatmap is looked at, and how: what is shown of it, its opacity, the symmetric range of its colours. */
import type { ReadonlySignal } from '@preact/signals';
import type { JSX } from 'preact';
import type { HeatmapInfo } from '../protocol.ts';
import { Panel, SliderField, Toggle } from './Field.tsx';
import { short, type ViewerState } from './state.ts';

export function HeatmapPanel({
  state,
  heatmaps,
  chosen,
  onChoose,
  truth,
}: {
  state: ViewerState;
  heatmaps: ReadonlySignal<readonly HeatmapInfo[]>;
  chosen: ReadonlySignal<string | undefined>;
  onChoose(id: string): void;
  /** Whether there is one to be shown. */
  truth: boolean;
}): JSX.Element | null {
  const heatmap = state.heatmap.value;
  if (!heatmap) return null;
  const range = state.range.value;
  const most = Math.max(heatmap.maximum, -heatmap.minimum, range) || 1;
  return (
    <Panel title="Heatmap">
      {heatmaps.value.length > 1 && (
        <label class="row-field">
          <span>Show</span>
          <select
            data-testid="heatmap-choice"
            value={chosen.value}
            onChange={(event) => onChoose(event.currentTarget.value)}
          >
            {heatmaps.value.map(({ id, title }) => (
              <option key={id} value={id}>
                {title}
              </option>
            ))}
          </select>
        </label>
      )}
      {heatmaps.value.length === 1 && <p class="heatmap-title">{heatmap.title}</p>}
      <div
        class="legend"
        role="img"
        aria-label={`Colours from ${short(-range)}, blue, to ${short(range)}, red`}
      >
        <span>{short(-range)}</span>
        <span class="legend-bar" />
        <span>{short(range)}</span>
      </div>
      <SliderField
        label="Range ±"
        title="The value whose colour is the deepest red, and as blue below zero."
        testId="range"
        min={most / 500}
        max={most}
        step={most / 500}
        value={range}
        onInput={(value) => state.setRange(value)}
      />
      <SliderField
        label="Opacity"
        testId="opacity"
        min={0}
        max={1}
        step={0.02}
        value={state.opacity.value}
        onInput={(value) => state.setOpacity(value)}
      />
      <div class="toggles">
        <Toggle
          label="Heatmap"
          testId="show-heatmap"
          checked={state.heatmapShown.value}
          onChange={(checked) => {
            state.heatmapShown.value = checked;
          }}
        />
        <Toggle
          label="Lesions"
          kind="lesion"
          testId="show-mask"
          checked={state.maskShown.value}
          onChange={(checked) => {
            state.maskShown.value = checked;
          }}
        />
        {truth && (
          <Toggle
            label="Truth"
            kind="truth"
            testId="show-truth"
            checked={state.truthShown.value}
            onChange={(checked) => {
              state.truthShown.value = checked;
            }}
          />
        )}
      </div>
    </Panel>
  );
}
