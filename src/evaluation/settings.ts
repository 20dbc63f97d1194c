/** Whether the settings of an evaluation make sense, before anything is read. */
import { UsageError } from '../errors.ts';
import { defaultProtocol, type ProtocolSettings } from './evaluation.ts';

interface Bound {
  readonly holds: (value: number) => boolean;
  readonly is: string;
}

const count: Bound = { holds: (n) => Number.isInteger(n) && n >= 1, is: 'a whole number of at least 1' };
const whole: Bound = { holds: (n) => Number.isInteger(n) && n >= 0, is: 'a whole number of at least 0' };

const bounds: Readonly<Record<keyof ProtocolSettings, Bound>> = {
  folds: count,
  seed: { holds: Number.isSafeInteger, is: 'a whole number' },
  sensitivityWeight: { holds: (n) => n > 0 && Number.isFinite(n), is: 'a number above 0' },
  masks: whole,
  grid: count,
  share: { holds: (n) => n >= 0 && n < 1, is: 'a number from 0 to below 1' },
  connectivity: { holds: (n) => [6, 18, 26].includes(n), is: '6, 18 or 26' },
  iou: { holds: (n) => n >= 0 && n < 1, is: 'a number from 0 to below 1' },
  resamples: whole,
};

/**
 * The paper's settings with some of one's own.
 * @throws UsageError that names the first that is out of range.
 */
export function completeSettings(own: Partial<ProtocolSettings>): ProtocolSettings {
  const settings = { ...defaultProtocol, ...own };
  for (const name of Object.keys(bounds) as (keyof ProtocolSettings)[]) {
    if (!bounds[name].holds(settings[name])) {
      throw new UsageError(
        `evaluation setting ${name}`,
        `It must be ${bounds[name].is}, not ${settings[name]}.`,
      );
    }
  }
  return settings;
}
