/** The brush, taking back, and saving. */
import type { JSX } from 'preact';
import { Panel, SliderField } from './Field.tsx';
import { BRUSH, type Tool, type ViewerState } from './state.ts';

const TOOLS: readonly { readonly tool: Tool; readonly label: string; readonly title: string }[] = [
  { tool: 'look', label: 'Look', title: 'The pointer moves the crosshair.' },
  { tool: 'erase', label: 'Erase', title: 'The pointer takes voxels away from lesions.' },
  { tool: 'restore', label: 'Restore', title: 'The pointer gives back what was taken away.' },
];

export function EditPanel({ state }: { state: ViewerState }): JSX.Element | null {
  const list = state.list.value;
  if (!state.heatmap.value) return null;
  return (
    <Panel title="Correct">
      <fieldset class="segments">
        <legend class="unseen">What the pointer does</legend>
        {TOOLS.map(({ tool, label, title }) => (
          <label key={tool} title={title}>
            <input
              type="radio"
              name="tool"
              data-testid={tool}
              checked={state.tool.value === tool}
              onChange={() => {
                state.tool.value = tool;
              }}
            />
            <span>{label}</span>
          </label>
        ))}
      </fieldset>
      <SliderField
        label="Brush mm"
        title="Radius of the brush in millimetres."
        testId="brush"
        min={BRUSH.smallest}
        max={BRUSH.largest}
        step={0.5}
        value={state.brush.value}
        onInput={(value) => state.setBrush(value)}
      />
      <div class="buttons">
        <button type="button" data-testid="undo" disabled={!list?.canUndo} onClick={() => state.undo()}>
          Undo
        </button>
        <button type="button" data-testid="redo" disabled={!list?.canRedo} onClick={() => state.redo()}>
          Redo
        </button>
        {list && list.painted > 0 && <span class="muted">{list.painted} voxels erased</span>}
      </div>
    </Panel>
  );
}

export function SavePanel({ state }: { state: ViewerState }): JSX.Element | null {
  if (!state.heatmap.value) return null;
  return (
    <Panel title="Save">
      <div class="buttons">
        <button type="button" data-testid="save-mask" title="As NIfTI" onClick={() => state.save('mask')}>
          Mask
        </button>
        <button
          type="button"
          data-testid="save-heatmap"
          title="As NIfTI"
          onClick={() => state.save('heatmap')}
        >
          Heatmap
        </button>
        {state.info.dicom && (
          <button
            type="button"
            data-testid="save-seg"
            title="As DICOM Segmentation"
            onClick={() => state.save('dicom-seg')}
          >
            DICOM SEG
          </button>
        )}
      </div>
      <p class="muted">Changes by hand are recorded with it.</p>
    </Panel>
  );
}
