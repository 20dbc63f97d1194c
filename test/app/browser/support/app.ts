/**
 * What a person does on the page, by the names that its controls have for tests. Controls are set by what they are
 * (lists, numbers, sliders, boxes, groups of choices), so that a test says values and not how they are put in.
 */
import type { Browser, Locator } from 'playwright-core';
import { type OpenOptions, open, type Watched } from './session.ts';

/** Values for the controls of a reconstruction, by their names. */
export interface Choice {
  readonly method?: string;
  readonly cam?: string;
  readonly layer?: string;
  readonly preset?: string;
  readonly directions?: number;
  readonly slices?: number;
  readonly size?: number;
  readonly device?: 'auto' | 'webgpu' | 'cpu';
}

export interface App extends Watched {
  again(): Promise<App>;
  openFiles(...paths: readonly string[]): Promise<void>;
  openEncoder(path: string): Promise<void>;
  choose(choice: Choice): Promise<void>;
  /** Sets one control. */
  set(id: string, value: string | number | boolean): Promise<void>;
  /** Presses Reconstruct and waits until it has come to its end. */
  reconstruct(choice?: Choice): Promise<void>;
  /** Waits until no reconstruction runs and more of one could be made. */
  finished(): Promise<void>;
  /** What the page says went wrong. */
  error(): Promise<string>;
  /** The rows of the list of lesions, as text. */
  lesions(): Promise<string[]>;
  /** What is on a plane's canvas. */
  picture(plane: 0 | 1 | 2): Promise<Picture>;
}

/** A picture as far as tests tell pictures apart. */
export interface Picture {
  /** How many different ones. */
  readonly colours: number;
  /** The same for the same pixels. */
  readonly digest: number;
}

/** Order matters: what a method or a preset offers or fills in comes before what refines it. */
const ORDER = ['method', 'cam', 'layer', 'preset', 'directions', 'slices', 'size', 'device'] as const;

/** How long a reconstruction in software may take on a busy machine. */
const LONG = { timeout: 50_000 };

export async function openApp(browser: Browser, address: string, options?: OpenOptions): Promise<App> {
  return operate(await open(browser, address, options));
}

function operate(watched: Watched): App {
  const { page, by } = watched;
  const app: App = {
    ...watched,
    again: async () => operate(await watched.again()),
    async openFiles(...paths) {
      await by('open-files').setInputFiles([...paths]);
      await by('plane-0').waitFor();
    },
    async openEncoder(path) {
      await by('open-encoder').setInputFiles(path);
      await by('reconstruct').and(page.locator(':enabled')).waitFor();
    },
    async choose(choice) {
      for (const id of ORDER) {
        const value = choice[id];
        if (value !== undefined) await app.set(id, value);
      }
    },
    async set(id, value) {
      await unfold(by(id));
      await setControl(by(id), value);
    },
    async reconstruct(choice = {}) {
      await app.choose(choice);
      await by('reconstruct').click();
      await by('stop').or(by('more')).first().waitFor();
      await app.finished();
    },
    async finished() {
      await by('more').and(page.locator(':enabled')).waitFor(LONG);
      await by('stop')
        .and(page.locator(':enabled'))
        .waitFor({ state: 'hidden', ...LONG });
    },
    async error() {
      await by('error').first().waitFor();
      return (await by('error').first().innerText()).trim();
    },
    async lesions() {
      const rows = page.locator('[data-testid^="lesion-"]');
      return (await rows.allInnerTexts()).map((text) => text.replace(/\s+/g, ' ').trim());
    },
    picture: (plane) =>
      by(`plane-${plane}`).evaluate((element) => {
        const canvas = element as HTMLCanvasElement;
        const pixels = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data.buffer;
        const colours = new Uint32Array(pixels ?? new ArrayBuffer(0));
        // FNV-1a over whole pixels.
        const digest = colours.reduce((hash, colour) => Math.imul(hash ^ colour, 16777619) >>> 0, 2166136261);
        return { colours: new Set(colours).size, digest };
      }),
  };
  return app;
}

/** Opens the folded parts of the page that a control is in. */
async function unfold(control: Locator): Promise<void> {
  await control.first().evaluate((element) => {
    for (let at: Element | null = element; at; at = at.parentElement)
      if (at instanceof HTMLDetailsElement) at.open = true;
  });
}

async function setControl(control: Locator, value: string | number | boolean): Promise<void> {
  const kind = await control.evaluate((element) => [
    element.tagName.toLowerCase(),
    element.getAttribute('type'),
  ]);
  const [tag, type] = kind;
  if (tag === 'select') await control.selectOption(String(value));
  else if (tag !== 'input') await control.locator(`input[value="${value}"]`).check();
  else if (type === 'checkbox') await control.setChecked(Boolean(value));
  else {
    await control.fill(String(value));
    // Some take a number only when it is left.
    await control.dispatchEvent('change');
  }
}
