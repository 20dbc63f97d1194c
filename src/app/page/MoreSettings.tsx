/** Settings that few change: filter, side of a slice, axis, and where it is computed. */
import type { JSX } from 'preact';
import { methods, presets } from '../../reconstruction/methods.ts';
import { NumberField, SelectField } from './controls.tsx';
import type { Choices } from './settings.ts';
import type { Store } from './store.ts';

type Device = Choices['device'];

const deviceOptions: readonly { value: Device; title: string }[] = [
  { value: 'auto', title: 'The fastest there is' },
  { value: 'webgpu', title: 'WebGPU' },
  { value: 'cpu', title: 'WebAssembly' },
];

export function DeviceField({ store }: { store: Store }): JSX.Element {
  return (
    <SelectField
      label="Computed by"
      testid="device"
      value={store.choices.value.device}
      options={deviceOptions}
      onChange={(device) => store.change({ device })}
    />
  );
}

export function MoreSettings({ store }: { store: Store }): JSX.Element {
  const choices = store.choices.value;
  const encoder = store.encoder.info.value;
  const { directions, filtered } = methods[choices.method];
  const fixed = encoder?.size;
  return (
    <details>
      <summary>More settings</summary>
      <div class="fields">
        {filtered && <FilterFields store={store} />}
        {directions === 'axis' && (
          <SelectField
            label="Along"
            testid="axis"
            value={String(choices.axis)}
            options={
              store.opened.info.value?.views.map(({ axis, name }) => ({
                value: String(axis),
                title: `axis ${axis}${name.startsWith('axis') ? '' : `, ${name} slices`}`,
              })) ?? []
            }
            onChange={(axis) => store.change({ axis: Number(axis) as Choices['axis'] })}
          />
        )}
        <NumberField
          label="Side of a slice, pixels"
          testid="size"
          disabled={fixed !== undefined}
          hint={fixed === undefined ? undefined : 'The encoder fixes it.'}
          value={fixed ?? choices.size}
          placeholder={encoder && String(encoder.defaultSize)}
          min={2}
          max={2048}
          onChange={(size) => store.change({ size })}
        />
      </div>
    </details>
  );
}

/** Widths to begin with, as docs/settings.md found them. */
const widths: Readonly<Record<string, number>> = { gaussian: 0.04, hann: 0.5 };

const filterTitles: Readonly<Record<string, string>> = {
  'second-difference': 'Second difference, plain',
  gaussian: 'Second difference, Gaussian',
  hann: 'Second difference, Hann window',
};

/** The filter is one word for the engine, `gaussian:0.04`; here it is a kind and a width. */
function FilterFields({ store }: { store: Store }): JSX.Element {
  const { filter, preset } = store.choices.value;
  const [kind = '', width] = filter?.split(':') ?? [];
  const set = (name: string, value: number | undefined) =>
    store.change({
      filter: name === '' ? undefined : name in widths ? `${name}:${value ?? widths[name]}` : name,
    });
  return (
    <div class="pair">
      <SelectField
        label="Filter"
        testid="reconstruction-filter"
        value={kind}
        options={[
          { value: '', title: `The preset’s, ${presets[preset].filter}` },
          ...Object.entries(filterTitles).map(([value, title]) => ({ value, title })),
        ]}
        onChange={(name) => set(name, undefined)}
      />
      {kind in widths && (
        <NumberField
          label={kind === 'hann' ? 'Cut-off' : 'Width (σ)'}
          testid="filter-width"
          value={Number(width)}
          min={0.001}
          max={1}
          step="any"
          onChange={(value) => value !== undefined && set(kind, value)}
        />
      )}
    </div>
  );
}
