/** The few controls of which the panels are made: each a label with a real HTML control. */
import type { ComponentChildren, JSX } from 'preact';
import { useId } from 'preact/hooks';
import type { Source } from '../protocol.ts';
import { sourcesOf } from './sources.ts';

interface FieldProps {
  readonly label: string;
  readonly testid?: string;
  readonly hint?: string;
  readonly disabled?: boolean;
}

interface SelectFieldProps<T extends string> extends FieldProps {
  readonly value: T;
  readonly options: readonly { readonly value: T; readonly title: string }[];
  onChange(value: T): void;
}

export function SelectField<T extends string>(props: SelectFieldProps<T>): JSX.Element {
  const { label, testid, hint, disabled, value, options, onChange } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select
        id={id}
        data-testid={testid}
        disabled={disabled}
        aria-describedby={hint && `${id}-hint`}
        value={value}
        onChange={({ currentTarget }) => {
          const chosen = options.find((option) => option.value === currentTarget.value);
          if (chosen) onChange(chosen.value);
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.title}
          </option>
        ))}
      </select>
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface NumberFieldProps extends FieldProps {
  readonly value: number | undefined;
  /** Shown while it is left empty: what is taken then. */
  readonly placeholder?: string;
  readonly min: number;
  readonly max: number;
  readonly step?: number | 'any';
  /** undefined when the field is empty or holds no number that fits. */
  onChange(value: number | undefined): void;
}

export function NumberField(props: NumberFieldProps): JSX.Element {
  const { label, testid, hint, disabled, value, placeholder, min, max, step = 1, onChange } = props;
  const id = useId();
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        inputMode={step === 'any' ? 'decimal' : 'numeric'}
        data-testid={testid}
        disabled={disabled}
        aria-describedby={hint && `${id}-hint`}
        value={value ?? ''}
        {...{ placeholder, min, max, step }}
        onInput={({ currentTarget }) => {
          const { valueAsNumber, validity } = currentTarget;
          onChange(validity.valid && !Number.isNaN(valueAsNumber) ? valueAsNumber : undefined);
        }}
      />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

interface CheckFieldProps extends FieldProps {
  readonly checked: boolean;
  onChange(checked: boolean): void;
}

export function CheckField({ label, testid, disabled, checked, onChange }: CheckFieldProps): JSX.Element {
  return (
    <label class="check">
      <input
        type="checkbox"
        data-testid={testid}
        {...{ disabled, checked }}
        onChange={({ currentTarget }) => onChange(currentTarget.checked)}
      />
      <span>{label}</span>
    </label>
  );
}

interface FileButtonProps {
  readonly testid: string;
  readonly children: ComponentChildren;
  readonly accept?: string;
  readonly multiple?: boolean;
  readonly folder?: boolean;
  readonly primary?: boolean;
  onFiles(sources: readonly Source[]): void;
}

/** An input for files that looks like a button. */
export function FileButton(props: FileButtonProps): JSX.Element {
  const { testid, children, accept, multiple, folder, primary, onFiles } = props;
  return (
    <label class={primary ? 'button primary' : 'button'}>
      <input
        type="file"
        class="unseen"
        data-testid={testid}
        {...{ accept, multiple, webkitdirectory: folder }}
        onChange={({ currentTarget }) => {
          const sources = sourcesOf(currentTarget.files ?? []);
          // The same file may be chosen again.
          currentTarget.value = '';
          if (sources.length > 0) onFiles(sources);
        }}
      />
      <span>{children}</span>
    </label>
  );
}
