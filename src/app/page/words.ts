/** Numbers as a person says them. */
import type { EngineProgress } from '../protocol.ts';

/** '12 s', '3 min', '2 h 5 min'. */
export function duration(seconds: number): string {
  if (seconds < 59.5) return `${Math.max(1, Math.round(seconds))} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

const counts = new Intl.NumberFormat('en-GB', { maximumFractionDigits: 0 });

export function count(n: number): string {
  return counts.format(n);
}

/** '1 direction', '2 directions'. */
export function counted(n: number, thing: string): string {
  return `${count(n)} ${thing}${n === 1 ? '' : 's'}`;
}

/** Slices a second: two digits are as much as is steady. */
export function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : count(perSecond);
}

/** What is read aloud, and the page's title. */
export function progressSentence({ done, total, left }: EngineProgress): string {
  const rest = done < total && Number.isFinite(left) ? `, about ${duration(left)} left` : '';
  return `${count(done)} of ${counted(total, 'angle')} done${rest}.`;
}

/** '0.9 mm', with no more digits than say something. */
export function millimetres(values: readonly number[]): string {
  return `${values.map((value) => Number(value.toPrecision(3))).join(' × ')} mm`;
}
