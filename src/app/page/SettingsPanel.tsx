/** Beside the picture: the encoder, what to do with it, and how far it is. On a small screen it folds away. */
import type { JSX } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { EncoderSection } from './EncoderSection.tsx';
import { KeptHeatmap } from './KeptHeatmap.tsx';
import { MethodFields } from './MethodFields.tsx';
import { DeviceField, MoreSettings } from './MoreSettings.tsx';
import { RunControls } from './RunControls.tsx';
import type { Store } from './store.ts';

/** As in shell.css: the panel stands beside the picture from here on. */
const WIDE = '(min-width: 60rem)';

function useWide(): boolean {
  const [wide, setWide] = useState(() => matchMedia(WIDE).matches);
  useEffect(() => {
    const media = matchMedia(WIDE);
    const follow = () => setWide(media.matches);
    media.addEventListener('change', follow);
    return () => media.removeEventListener('change', follow);
  }, []);
  return wide;
}

export function SettingsPanel({ store }: { store: Store }): JSX.Element {
  const wide = useWide();
  return (
    <aside class="panel" aria-label="Reconstruction">
      <RunControls store={store} />
      <details class="settings" open={wide}>
        <summary>Encoder and settings</summary>
        <div class="fields">
          <EncoderSection store={store} />
          <MethodFields store={store} />
          <DeviceField store={store} />
          <MoreSettings store={store} />
        </div>
      </details>
      <KeptHeatmap store={store} />
    </aside>
  );
}
