/** A person without a mouse. */
import type { App } from './app.ts';

/** Tabs until the control with this name for tests has the focus. */
export async function tabTo(app: App, id: string): Promise<void> {
  const passed: string[] = [];
  for (let steps = 0; steps < 150; steps++) {
    const at = await app.page.evaluate(() => {
      const { activeElement } = document;
      return (
        activeElement?.closest('[data-testid]')?.getAttribute('data-testid') ?? activeElement?.tagName ?? ''
      );
    });
    if (at === id) return;
    passed.push(at);
    await app.page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not come to ${id}; it came to ${[...new Set(passed)].join(', ')}.`);
}

/** Whether what has the focus shows it, by an outline or a shadow. */
export function focusShows(app: App): Promise<boolean> {
  return app.page.evaluate(() => {
    const { activeElement } = document;
    if (!activeElement) return false;
    // Inputs that look like buttons are out of sight: their labels show it.
    const shown = [activeElement, activeElement.closest('label')].filter((element) => element !== null);
    return shown.some((element) => {
      const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(element);
      return (outlineStyle !== 'none' && Number.parseFloat(outlineWidth) > 0) || boxShadow !== 'none';
    });
  });
}
