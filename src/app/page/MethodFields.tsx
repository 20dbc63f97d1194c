/** What is reconstructed: class, method, maps and layer; and how much of it: preset and how many angles. */
import type { JSX } from 'preact';
import { type MethodName, methods, type PresetName, presets } from '../../reconstruction/methods.ts';
import { NumberField, SelectField } from './controls.tsx';
import { layerOf, obstacle, offeredCams, sliceCount } from './settings.ts';
import type { Store } from './store.ts';
import { counted, duration } from './words.ts';

const methodOptions = Object.entries(methods).map(([value, { title }]) => ({
  value: value as MethodName,
  title: title[0].toUpperCase() + title.slice(1),
}));

const presetTitles: Readonly<Record<PresetName, string>> = {
  draft: 'Draft, a first look',
  standard: 'Standard',
  paper: 'Paper, as published',
};

export function MethodFields({ store }: { store: Store }): JSX.Element {
  const choices = store.choices.value;
  const encoder = store.encoder.info.value;
  const { response } = methods[choices.method];
  return (
    <>
      {encoder && encoder.classes.length > 1 && (
        <SelectField
          label="Class"
          testid="class"
          value={String(Math.min(choices.classIndex, encoder.classes.length - 1))}
          options={encoder.classes.map((title, i) => ({ value: String(i), title }))}
          onChange={(index) => store.change({ classIndex: Number(index) })}
        />
      )}
      <SelectField
        label="Method"
        testid="method"
        value={choices.method}
        options={methodOptions}
        hint={obstacle(choices, encoder)}
        onChange={(method) => store.change({ method })}
      />
      {response === 'map' && (
        <>
          <SelectField
            label="Map"
            testid="cam"
            value={choices.cam}
            options={offeredCams.map(({ name, title }) => ({ value: name, title }))}
            onChange={(cam) => store.change({ cam })}
          />
          <SelectField
            label="Layer"
            testid="layer"
            disabled={!encoder?.layers.length}
            value={layerOf(choices, encoder) ?? ''}
            options={(encoder?.layers ?? []).map(({ name, title }) => ({ value: name, title }))}
            onChange={(layer) => store.change({ layer })}
          />
        </>
      )}
    </>
  );
}

export function AmountFields({ store }: { store: Store }): JSX.Element {
  const choices = store.choices.value;
  const { response, directions } = methods[choices.method];
  const preset = presets[choices.preset];
  const everywhere = directions === 'fibonacci';
  return (
    <>
      <SelectField
        label="Preset"
        testid="preset"
        value={choices.preset}
        options={(Object.keys(presets) as PresetName[]).map((value) => ({
          value,
          title: presetTitles[value],
        }))}
        onChange={(value) => store.change({ preset: value })}
      />
      {everywhere && (
        <div class="pair">
          <NumberField
            label="Angles (L)"
            testid="directions"
            value={choices.directions}
            placeholder={String(response === 'map' ? preset.directionsOfMaps : preset.directions)}
            min={2}
            max={20_000}
            onChange={(value) => store.change({ directions: value })}
          />
          <NumberField
            label="Slices each (M)"
            testid="slices"
            value={choices.slices}
            placeholder={String(preset.slices)}
            min={2}
            max={10_000}
            onChange={(value) => store.change({ slices: value })}
          />
        </div>
      )}
      <Cost store={store} />
    </>
  );
}

/** How much there is to do, and how long it takes at the pace of the last time. */
function Cost({ store }: { store: Store }): JSX.Element | null {
  const info = store.opened.info.value;
  if (!info) return null;
  const slices = sliceCount(store.choices.value, info);
  const speed = store.runs.ended.value?.speed ?? 0;
  const time = speed > 0 ? `, some ${duration(slices / speed)} at the last pace` : '';
  return <p class="hint">{`About ${counted(slices, 'slice')}${time}.`}</p>;
}
