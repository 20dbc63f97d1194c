/** The viewer of one case: three planes with their profiles, a render in 3D, and what a person does with the lesions. */
import type { ReadonlySignal } from '@preact/signals';
import type { Remote } from 'comlink';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Axis } from '../../report/planes.ts';
import type { CaseInfo, DeskApi, HeatmapInfo, LogitProfile } from '../protocol.ts';
import type { Failure } from '../remote.ts';
import { ACTIONS } from './actions.ts';
import { Crosshair } from './Crosshair.tsx';
import { axesInOrder } from './coordinates.ts';
import { EditPanel, SavePanel } from './EditPanel.tsx';
import { HeatmapPanel } from './HeatmapPanel.tsx';
import { ImagePanel } from './ImagePanel.tsx';
import { KeysDialog } from './Keys.tsx';
import { actionOf } from './keys.ts';
import { LesionPanel } from './LesionPanel.tsx';
import { Plane } from './Plane.tsx';
import { Profile } from './Profile.tsx';
import { RenderPanel } from './RenderPanel.tsx';
import { ViewerState } from './state.ts';
import './viewer.css';

export interface ViewerProps {
  readonly desk: Remote<DeskApi>;
  readonly info: CaseInfo;
  /** Heatmaps on the desk, and which is chosen; choosing is asked for by onChoose. */
  readonly heatmaps: ReadonlySignal<readonly HeatmapInfo[]>;
  readonly chosen: ReadonlySignal<string | undefined>;
  onChoose(id: string): void;
  /** Grows by one whenever the chosen heatmap's values change: planes, lesions and render are asked for anew. */
  readonly revision: ReadonlySignal<number>;
  /** Logit profiles along the array axes, when the engine has made them. */
  readonly profiles: ReadonlySignal<readonly LogitProfile[]>;
  /** Shown by the page: errors of calls, and short news for screen readers. */
  onFailure(failure: Failure): void;
  onSay(sentence: string): void;
}

export function Viewer(props: ViewerProps): JSX.Element {
  const { name, shape, geometry } = props.info;
  // A truth mask that is opened later makes no other case of it.
  return <CaseViewer key={[name, ...shape, ...geometry.affine].join()} {...props} />;
}

function CaseViewer(props: ViewerProps): JSX.Element {
  const { desk, info, heatmaps, chosen, onChoose, profiles, onFailure } = props;
  const state = useMemo(() => new ViewerState(props), [desk]);
  useEffect(() => () => state.dispose(), [state]);
  const keys = useRef<HTMLDialogElement>(null);
  const axes = axesInOrder(info.views);
  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    const typing = target.matches('input:not([type=checkbox], [type=range], [type=radio]), select, textarea');
    if (typing || target.closest('dialog, [data-own-keys]')) return;
    const action = actionOf(event, target.matches('canvas[data-testid^=plane]'));
    if (!action) return;
    event.preventDefault();
    if (action === 'keys') keys.current?.showModal();
    else ACTIONS[action](state);
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: keys that work wherever the focus is in the viewer.
    <div class="viewer" onKeyDown={onKeyDown} data-plane={state.plane.value}>
      <div class="viewer-layout">
        <p id="viewer-keys-hint" class="unseen">
          Arrow keys move the crosshair, Page Up and Page Down the slice; a question mark lists all keys.
        </p>
        <div class="viewer-main">
          <PlaneChoice state={state} axes={axes} />
          <div class="planes">
            {axes.map((axis) => (
              <div key={axis} class="plane-column" data-axis={axis} data-current={state.plane.value === axis}>
                <Plane state={state} desk={desk} axis={axis} onFailure={onFailure} />
                <Profile
                  state={state}
                  axis={axis}
                  profile={profiles.value.find((one) => one.axis === axis)}
                />
              </div>
            ))}
            <div class="plane-column about">
              <RenderPanel {...props} state={state} />
              <Crosshair state={state} />
              <ImagePanel state={state} />
            </div>
          </div>
        </div>
        <div class="viewer-side">
          <LesionPanel state={state} />
          <EditPanel state={state} />
          <HeatmapPanel
            state={state}
            heatmaps={heatmaps}
            chosen={chosen}
            onChoose={onChoose}
            truth={info.truth}
          />
          <SavePanel state={state} />
          <button type="button" class="link keys-button" onClick={() => keys.current?.showModal()}>
            Keys and pointer (?)
          </button>
        </div>
      </div>
      <KeysDialog dialog={keys} />
    </div>
  );
}

/** Which plane is shown where there is room for one. */
function PlaneChoice({ state, axes }: { state: ViewerState; axes: readonly Axis[] }): JSX.Element {
  return (
    <fieldset class="segments plane-choice">
      <legend class="unseen">Plane</legend>
      {axes.map((axis) => (
        <label key={axis}>
          <input
            type="radio"
            name="plane"
            checked={state.plane.value === axis}
            onChange={() => {
              state.plane.value = axis;
            }}
          />
          <span>{state.info.views[axis].name}</span>
        </label>
      ))}
    </fieldset>
  );
}
