/** Controls that the panels share. */
import type { ComponentChildren, JSX } from 'preact';

/** A slider with its number beside it: one to feel, one to type. */
export function SliderField({
  label,
  value,
  min,
  max,
  step,
  testId,
  title,
  onInput,
}: {
  label: string;
  value: number;
  min: number;
  max: number;
  step: number;
  testId: string;
  title?: string;
  onInput(value: number): void;
}): JSX.Element {
  const shown = Number(value.toPrecision(4));
  return (
    <label class="slider-field" title={title}>
      <span>{label}</span>
      <input
        type="range"
        data-testid={testId}
        min={min}
        max={max}
        step={step}
        value={value}
        onInput={(event) => onInput(event.currentTarget.valueAsNumber)}
      />
      <input
        type="number"
        aria-label={`${label}, number`}
        step="any"
        value={shown}
        onChange={(event) => {
          const typed = event.currentTarget.valueAsNumber;
          if (Number.isFinite(typed)) onInput(typed);
        }}
      />
    </label>
  );
}

export function Toggle({
  label,
  kind,
  checked,
  testId,
  onChange,
}: {
  label: string;
  /** Of the outline that is shown, whose colour is then shown here. */
  kind?: 'lesion' | 'truth';
  checked: boolean;
  testId: string;
  onChange(checked: boolean): void;
}): JSX.Element {
  return (
    <label class="toggle">
      <input
        type="checkbox"
        data-testid={testId}
        checked={checked}
        onChange={(event) => onChange(event.currentTarget.checked)}
      />
      <span>{label}</span>
      {kind && <span class="swatch" data-kind={kind} />}
    </label>
  );
}

export function Panel({ title, children }: { title: string; children: ComponentChildren }): JSX.Element {
  return (
    <section class="viewer-panel">
      <h2>{title}</h2>
      {children}
    </section>
  );
}
