/** Options that say how a volume's values become an encoder's, the same wherever there is an encoder. */
import { type Command, Option } from 'commander';
import type { Crop, Preprocessing } from '../encoders/preprocessing.ts';
import { crop, numbers, outsideValue } from './options.ts';

export interface InputScaling {
  normalise?: Preprocessing['normalise'];
  inputScale?: number[];
  inputMean?: number[];
  inputStd?: number[];
  outside?: Preprocessing['outside'];
  crop?: Crop | 'none';
}

/** Adds the options in a group of their own. */
export function addInputScaling(command: Command, title: string): Command {
  return command
    .optionsGroup(title)
    .addOption(
      new Option('--normalise <how>', 'each channel over the whole volume').choices([
        'none',
        'zscore',
        'range',
      ]),
    )
    .option('--input-scale <a,…>', 'then times this, per channel of the volume', numbers)
    .option('--input-mean <a,…>', 'then minus this, per channel of the encoder', numbers)
    .option('--input-std <a,…>', 'then divided by this, per channel of the encoder', numbers)
    .option('--outside <value>', 'normalised value outside the volume, or minimum', outsideValue)
    .option('--crop <channel:value>', 'first to the box where a channel, from 0, is above it; or none', crop);
}

/** The scaling that the user asked for; what was not asked for is left to the encoder. */
export function givenPreprocessing(options: InputScaling): Partial<Preprocessing> {
  const given = {
    normalise: options.normalise,
    scale: options.inputScale,
    mean: options.inputMean,
    std: options.inputStd,
    outside: options.outside,
  };
  return {
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    // That nothing is cropped must be sayable against what an encoder says.
    ...(options.crop && { crop: options.crop === 'none' ? undefined : options.crop }),
  };
}
