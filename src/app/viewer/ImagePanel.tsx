/** The image's channel and its window: which values are black and which are white. */
import type { JSX } from 'preact';
import { Panel, SliderField } from './Field.tsx';
import type { ViewerState } from './state.ts';

interface Preset {
  readonly title: string;
  readonly window: readonly [low: number, high: number];
}

/** Windows that CT is read in, in Hounsfield units. */
const CT: readonly Preset[] = [
  { title: 'Soft tissue', window: [-150, 250] },
  { title: 'Lung', window: [-1350, 150] },
  { title: 'Bone', window: [-500, 1300] },
  { title: 'Brain', window: [0, 80] },
];

function presetsOf({ info, channel }: ViewerState): readonly Preset[] {
  const { low, high, minimum, maximum } = info.windows[channel.value];
  return [
    { title: 'Nearly all values', window: [low, high] },
    { title: 'All values', window: [minimum, maximum] },
    ...(info.units === 'HU' ? CT : []),
  ];
}

export function ImagePanel({ state }: { state: ViewerState }): JSX.Element {
  const { info } = state;
  const { minimum, maximum } = info.windows[state.channel.value];
  const [low, high] = state.window.value;
  const step = (maximum - minimum) / 500 || 1;
  const presets = presetsOf(state);
  const looked = presets.findIndex(({ window }) => window.join() === state.window.value.join());
  return (
    <Panel title={info.units ? `Image (${info.units})` : 'Image'}>
      {info.channels > 1 && (
        <label class="row-field">
          <span>Channel</span>
          <select
            data-testid="channel"
            value={state.channel.value}
            onChange={(event) => state.setChannel(Number(event.currentTarget.value))}
          >
            {info.windows.map((_, channel) => (
              <option key={channel} value={channel}>
                {channel + 1}
              </option>
            ))}
          </select>
        </label>
      )}
      <label class="row-field">
        <span>Window</span>
        <select
          data-testid="window-preset"
          value={looked}
          onChange={(event) => {
            const preset = presets[Number(event.currentTarget.value)];
            if (preset) state.window.value = preset.window;
          }}
        >
          {looked < 0 && <option value={-1}>By hand</option>}
          {presets.map(({ title }, i) => (
            <option key={title} value={i}>
              {title}
            </option>
          ))}
        </select>
      </label>
      <SliderField
        label="Black"
        testId="window-low"
        min={minimum}
        max={maximum}
        step={step}
        value={low}
        onInput={(value) => {
          state.window.value = [value, Math.max(value, high)];
        }}
      />
      <SliderField
        label="White"
        testId="window-high"
        min={minimum}
        max={maximum}
        step={step}
        value={high}
        onInput={(value) => {
          state.window.value = [Math.min(low, value), value];
        }}
      />
    </Panel>
  );
}
