/**
 * How the series of a chart are told apart: by colour, by the symbol of their points and by the dashes of their lines,
 * so that no one has to rely on colours. The colours are variables of the page, which has them for light and for dark;
 * their hues are Okabe and Ito's, which the colour-blind tell apart, made darker or lighter for contrast with the page.
 */

export interface SeriesStyle {
  /** A CSS colour. */
  readonly colour: string;
  /** Name of one of Plot's symbols. */
  readonly symbol: string;
  /** SVG's stroke-dasharray. */
  readonly dashes?: string;
}

/** On white, and on the dark page. */
export const seriesColours: readonly (readonly [light: string, dark: string])[] = [
  ['#0068a8', '#5bb8f0'],
  ['#c2500a', '#ff9752'],
  ['#00805c', '#35cfa0'],
  ['#a13d83', '#ec9fce'],
  ['#8a6a00', '#f0cc4a'],
  ['#4a4f57', '#c3c8d0'],
  ['#5a4bc2', '#aba2ff'],
  ['#8f1f2f', '#ff8f98'],
];

const SYMBOLS = ['circle', 'square', 'triangle', 'diamond', 'plus', 'star', 'cross', 'wye'];
const DASHES = [undefined, '6 3', '2 3', '8 3 2 3'];

/** The style of the series of this number: the first eight differ in colour and symbol, those after them in dashes. */
export function seriesStyle(index: number): SeriesStyle {
  const round = Math.floor(index / seriesColours.length);
  const dashes = DASHES[(index + round) % DASHES.length];
  return {
    colour: `var(--series-${(index % seriesColours.length) + 1})`,
    symbol: SYMBOLS[index % SYMBOLS.length],
    ...(dashes && { dashes }),
  };
}
