/** What of the render is chosen by a person: from where it is seen, how near, cut open or whole. */
import type { Signal } from '@preact/signals';
import type { JSX } from 'preact';
import { useId } from 'preact/hooks';
import {
  type Camera,
  type Cut,
  FIRST_CAMERA,
  seenFrom,
  VIEW_NAMES,
  VIEWS,
  type ViewName,
  zoomed,
} from './views.ts';

const CUT_TITLES: Readonly<Record<ViewName, string>> = {
  A: 'front',
  P: 'back',
  L: 'left side',
  R: 'right side',
  S: 'top',
  I: 'bottom',
};

const ZOOM_STEP = 1.25;

/** How much of the body is cut away at first. */
const FIRST_DEPTH = 0.5;

export function RenderControls({
  camera,
  cut,
  body,
}: {
  readonly camera: Signal<Camera>;
  readonly cut: Signal<Cut | undefined>;
  readonly body: Signal<number>;
}): JSX.Element {
  const id = useId();
  const { azimuth, elevation } = camera.value;
  return (
    <div class="render3d-controls">
      <fieldset class="render3d-buttons">
        <legend>Look</legend>
        {VIEW_NAMES.map((view) => (
          <button
            key={view}
            type="button"
            title={VIEWS[view].title}
            aria-label={VIEWS[view].title}
            aria-pressed={VIEWS[view].azimuth === azimuth && VIEWS[view].elevation === elevation}
            data-testid={`render-view-${view}`}
            onClick={() => {
              camera.value = seenFrom(camera.peek(), view);
            }}
          >
            {view}
          </button>
        ))}
      </fieldset>
      <fieldset class="render3d-buttons">
        <legend>Zoom</legend>
        <button
          type="button"
          aria-label="Farther"
          onClick={() => {
            camera.value = zoomed(camera.peek(), 1 / ZOOM_STEP);
          }}
        >
          −
        </button>
        <button
          type="button"
          aria-label="Nearer"
          onClick={() => {
            camera.value = zoomed(camera.peek(), ZOOM_STEP);
          }}
        >
          +
        </button>
        <button
          type="button"
          onClick={() => {
            camera.value = FIRST_CAMERA;
            cut.value = undefined;
          }}
        >
          Reset
        </button>
      </fieldset>
      <label class="render3d-field" for={`${id}-body`}>
        <span>Image</span>
        <input
          id={`${id}-body`}
          type="range"
          min="0"
          max="1"
          step="0.05"
          value={body.value}
          onInput={(event) => {
            body.value = event.currentTarget.valueAsNumber;
          }}
        />
      </label>
      <label class="render3d-field" for={`${id}-cut`}>
        <span>Cut away</span>
        <select
          id={`${id}-cut`}
          value={cut.value?.view ?? ''}
          onChange={(event) => {
            const view = VIEW_NAMES.find((name) => name === event.currentTarget.value);
            cut.value = view && { view, depth: cut.peek()?.depth ?? FIRST_DEPTH };
          }}
        >
          <option value="">nothing</option>
          {VIEW_NAMES.map((view) => (
            <option key={view} value={view}>
              {CUT_TITLES[view]}
            </option>
          ))}
        </select>
      </label>
      {cut.value && (
        <label class="render3d-field" for={`${id}-depth`}>
          <span>Depth</span>
          <input
            id={`${id}-depth`}
            type="range"
            min="0"
            max="1"
            step="0.01"
            value={cut.value.depth}
            onInput={(event) => {
              const now = cut.peek();
              if (now) cut.value = { ...now, depth: event.currentTarget.valueAsNumber };
            }}
          />
        </label>
      )}
    </div>
  );
}
