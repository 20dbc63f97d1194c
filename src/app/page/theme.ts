/** Light, dark, or as the system has it; what was chosen is remembered. */
import { effect, signal } from '@preact/signals';
import { remember, remembered } from './memory.ts';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const stored = remembered('theme');

export const theme = signal<Theme>(themes.find((name) => name === stored) ?? 'system');

/** The next in turn. */
export function turnTheme(): void {
  theme.value = themes[(themes.indexOf(theme.value) + 1) % themes.length];
}

/** Has the document follow. */
export function applyTheme(root: HTMLElement): void {
  effect(() => {
    if (theme.value === 'system') delete root.dataset.theme;
    else root.dataset.theme = theme.value;
    remember('theme', theme.value === 'system' ? undefined : theme.value);
  });
}
