/** The render in 3D, whose code is fetched when it is first opened. */
import { useSignal } from '@preact/signals';
import type { ComponentType, JSX } from 'preact';
import { failureOf } from '../remote.ts';
import type { Render3dProps } from '../render/Render3d.tsx';
import type { ViewerState } from './state.ts';

export function RenderPanel({
  state,
  desk,
  info,
  onFailure,
}: Pick<Render3dProps, 'desk' | 'info' | 'onFailure'> & { readonly state: ViewerState }): JSX.Element {
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
  // The render shows the first channel, whichever the planes show.
  const { low, high } = info.windows[0];
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
          window={state.channel.value === 0 ? state.window.value : [low, high]}
          showLesions={state.maskShown.value}
          onFailure={onFailure}
        />
      )}
    </section>
  );
}
