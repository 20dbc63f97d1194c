/** Name, way home and the theme. */
import type { JSX } from 'preact';
import type { Store } from './store.ts';
import { theme, turnTheme } from './theme.ts';

const themeTitles = { system: 'As the system', light: 'Light', dark: 'Dark' } as const;

export function Header({ store }: { store: Store }): JSX.Element {
  const title = store.browse.browsed.value?.title;
  return (
    <header class="header">
      <button type="button" class="skip" onClick={() => document.getElementById('main')?.focus()}>
        Skip to the content
      </button>
      <h1>tonno{title && <span class="of">: {title}</span>}</h1>
      <p class="private">Nothing leaves this machine.</p>
      <button type="button" class="quiet" data-testid="theme" onClick={turnTheme}>
        Theme: {themeTitles[theme.value].toLowerCase()}
      </button>
    </header>
  );
}
