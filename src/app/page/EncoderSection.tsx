/** The encoder: which is open, and the ways to another. */
import type { JSX } from 'preact';
import { FileButton, SelectField } from './controls.tsx';
import type { Store } from './store.ts';
import { counted } from './words.ts';

export function EncoderSection({ store }: { store: Store }): JSX.Element {
  const { encoder, browse } = store;
  const info = encoder.info.value;
  const opening = encoder.opening.value;
  const offered = browse.browsed.value?.encoders ?? [];
  return (
    <div class="encoder">
      {info && (
        <p class="facts">
          <strong>{info.name}</strong>
          <span>
            {[
              counted(info.channels, 'channel'),
              info.size ? `slices of ${info.size} pixels` : 'slices of any side',
              counted(info.layers.length, 'layer'),
            ].join(', ')}
            . {info.scaling}
          </span>
        </p>
      )}
      {opening !== undefined && <p role="status">Opening {opening} …</p>}
      {offered.length > 0 && (
        <SelectField
          label="Encoder of what is looked through"
          testid="study-encoder"
          value={offered.some(({ name }) => name === info?.name) ? (info?.name ?? '') : ''}
          options={[
            { value: '', title: 'Choose …' },
            ...offered.map(({ name }) => ({ value: name, title: name })),
          ]}
          onChange={(chosen) => {
            const found = offered.find(({ name }) => name === chosen);
            if (found) void encoder.fetch(found.name, found.file);
          }}
        />
      )}
      <div class="row">
        <FileButton
          testid="open-encoder"
          accept=".onnx"
          onFiles={([source]) => {
            store.news.clear();
            void encoder.open(source);
          }}
        >
          {info ? 'Another encoder…' : 'Choose an encoder…'}
        </FileButton>
        <button
          type="button"
          data-testid="try-encoder"
          onClick={() => {
            store.news.clear();
            void encoder.example();
          }}
        >
          Try the small encoder
        </button>
      </div>
    </div>
  );
}
