/** The viewer of one case: three planes with their profiles, a render in 3D, and what a person does with the lesions. */
import { type ReadonlySignal, useSignal } from '@preact/signals';
import type { Remote } from 'comlink';
import type { ComponentType, JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Axis } from '../../report/planes.ts';
import type { CaseInfo, DeskApi, HeatmapInfo, LogitProfile } from '../protocol.ts';
import { type Failure, failureOf } from '../remote.ts';
import type { Render3dProps } from '../render/Render3d.tsx';
import { ACTIONS } from './actions.ts';
import { Crosshair } from './Crosshair.tsx';
import { EditPanel, SavePanel } from './EditPanel.tsx';
import { HeatmapPanel, ImagePanel } from './HeatmapPanel.tsx';
import { KeysDialog } from './Keys.tsx';
import { actionOf } from './keys.ts';
import { LesionPanel } from './LesionPanel.tsx';
import { Plane } from './Plane.tsx';
import { Profile } from './Profile.tsx';
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

/** In the order in which planes are looked at: axial, coronal, sagittal where the volume is straight. */
const ORDER = ['axial', 'coronal', 'sagittal'];

export function Viewer(props: ViewerProps): JSX.Element {
  const { desk, info, heatmaps, chosen, onChoose, profiles, onFailure } = props;
  const state = useMemo(() => new ViewerState(props), [desk, info]);
  useEffect(() => () => state.dispose(), [state]);
  const keys = useRef<HTMLDialogElement>(null);
  const axes = ([0, 1, 2] as const)
    .map((axis) => axis as Axis)
    .sort((a, b) => ORDER.indexOf(info.views[a].name) - ORDER.indexOf(info.views[b].name));
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
      <p id="viewer-keys-hint" class="visually-hidden">
        Arrow keys move the crosshair, Page Up and Page Down the slice; a question mark lists all keys.
      </p>
      <div class="viewer-main">
        <fieldset class="segments plane-choice">
          <legend class="visually-hidden">Plane</legend>
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
              <span>{info.views[axis].name}</span>
            </label>
          ))}
        </fieldset>
        <div class="planes">
          {axes.map((axis) => (
            <div key={axis} class="plane-column" data-axis={axis} data-current={state.plane.value === axis}>
              <Plane state={state} desk={desk} axis={axis} onFailure={onFailure} />
              <Profile state={state} axis={axis} profile={profiles.value.find((one) => one.axis === axis)} />
            </div>
          ))}
        </div>
        <Crosshair state={state} />
        <RenderPanel {...props} state={state} />
      </div>
      <div class="viewer-side">
        <LesionPanel state={state} />
        <HeatmapPanel state={state} heatmaps={heatmaps} chosen={chosen} onChoose={onChoose} />
        <EditPanel state={state} />
        <SavePanel state={state} />
        <ImagePanel state={state} />
        <button type="button" class="link keys-button" onClick={() => keys.current?.showModal()}>
          Keys (?)
        </button>
      </div>
      <KeysDialog dialog={keys} />
    </div>
  );
}

/** The render in 3D, whose code is fetched when it is first opened. */
function RenderPanel({
  state,
  desk,
  info,
  onFailure,
}: ViewerProps & { readonly state: ViewerState }): JSX.Element {
  const open = useSignal(false);
  const component = useSignal<ComponentType<Render3dProps> | undefined>(undefined);
  const toggle = () => {
    open.value = !open.value;
    if (!open.value || component.value) return;
    import('../render/Render3d.tsx').then(
      (module) => {
        component.value = module.default;
      },
      (error: unknown) => onFailure(failureOf(error)),
    );
  };
  const Render3d = component.value;
  return (
    <section class="render-panel" aria-label="Render in 3D">
      <button type="button" data-testid="render" aria-expanded={open.value} onClick={toggle}>
        {open.value ? 'Close 3D' : 'Show in 3D'}
      </button>
      {open.value && !Render3d && <p class="muted">Fetching the 3D view …</p>}
      {open.value && Render3d && (
        <Render3d
          desk={desk}
          info={info}
          revision={state.version}
          range={state.range.value}
          opacity={state.heatmapShown.value ? state.opacity.value : 0}
          window={state.window.value}
          showLesions={state.maskShown.value}
          onFailure={onFailure}
        />
      )}
    </section>
  );
}
