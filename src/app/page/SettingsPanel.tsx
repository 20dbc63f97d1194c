/**
 * What to do with the case: reconstruct, how far it is, and the encoder and settings, which fold away. Over the picture,
 * since that wants the width; beside it on a very wide screen, where they stay unfolded.
 */
import { useSignal, useSignalEffect } from '@preact/signals';
import type { JSX } from 'preact';
import { EncoderSection } from './EncoderSection.tsx';
import { KeptOffer, KeptSettings } from './KeptHeatmap.tsx';
import { AmountFields, MethodFields } from './MethodFields.tsx';
import { DeviceField, MoreSettings } from './MoreSettings.tsx';
import { RunControls } from './RunControls.tsx';
import type { Store } from './store.ts';

/** As in shell.css: from here on the panel is beside the picture. */
const BESIDE = '(min-width: 100rem)';
/** Below, the settings would take the first screen: they are unfolded when they are asked for. */
const ROOMY = '(min-width: 60rem)';

export function SettingsPanel({ store }: { store: Store }): JSX.Element {
  const { runs, opened, browse, encoder } = store;
  const open = useSignal(
    matchMedia(BESIDE).matches ||
      (browse.mode.peek() === 'alone' &&
        opened.heatmaps.peek().length === 0 &&
        (matchMedia(ROOMY).matches || encoder.info.peek() === undefined)),
  );
  useSignalEffect(() => {
    if (runs.run.value && !matchMedia(BESIDE).matches) open.value = false;
  });
  const name = encoder.info.value?.name;
  return (
    <aside class="panel" aria-label="Reconstruction">
      <RunControls store={store} />
      <KeptOffer store={store} />
      <details
        class="settings"
        open={open}
        onToggle={({ currentTarget }) => {
          open.value = currentTarget.open;
        }}
      >
        <summary>
          Encoder and settings
          <span class="hint">
            {': '}
            {name ?? 'no encoder yet'} · <EngineName store={store} />
          </span>
        </summary>
        <div class="settings-grid">
          <EncoderSection store={store} />
          <div class="fields">
            <MethodFields store={store} />
          </div>
          <div class="fields">
            <AmountFields store={store} />
          </div>
          <div class="fields">
            <DeviceField store={store} />
            <MoreSettings store={store} />
            <KeptSettings store={store} />
          </div>
        </div>
      </details>
    </aside>
  );
}

/** What computes, and why that, also while the settings are folded away. */
function EngineName({ store }: { store: Store }): JSX.Element {
  const { engine, loading } = store.encoder;
  const waiting = loading.value ? 'the engine is being loaded' : 'the engine is not loaded yet';
  return <span data-testid="engine-info">{engine.value?.title ?? waiting}</span>;
}
