/** The engine of a command: its options and its encoder's file, on the engine of Node. */
import { basename } from 'node:path';
import { UsageError } from '../errors.ts';
import {
  type Engine,
  type EngineOptions as EngineSettings,
  openEngine as openOn,
  type Platform,
} from '../reconstruction/engine.ts';
import type { Plan } from '../reconstruction/methods.ts';
import { engine, openSession } from '../runtime/node.ts';
import { readBytes } from './files.ts';
import { givenPreprocessing, type InputScaling } from './input-scaling.ts';

export interface EngineOptions extends InputScaling, Omit<EngineSettings, 'encoder' | 'preprocessing'> {
  /** Path of its file. */
  encoder?: string;
}

/**
 * @param plans one a method.
 * @throws UsageError for options that contradict one another or the encoder, DeviceError, EncoderError.
 */
export async function openEngine(options: EngineOptions, plans: readonly Plan[]): Promise<Engine> {
  const { response = 'logit', encoder: path } = options;
  if (response !== 'logit') refuseEncoderOptions(response, options);
  const encoder = path ? { name: basename(path), bytes: await readBytes(path) } : undefined;
  const platform: Platform = { openSession, engine: engine() };
  return openOn({ ...options, encoder, preprocessing: givenPreprocessing(options) }, plans, platform);
}

/** Options that speak of an encoder mean nothing to a response without one, and must not look as if they did. */
function refuseEncoderOptions(response: string, options: EngineOptions): void {
  const { device } = options;
  const given = Object.entries({
    '--encoder': options.encoder,
    '--cam': options.cam,
    '--layer': options.layer,
    '--class': options.class,
    '--batch': options.batch,
    '--memory': options.memory,
    '--threads': options.threads,
    '--normalise': options.normalise,
    '--input-scale': options.inputScale,
    '--input-mean': options.inputMean,
    '--input-std': options.inputStd,
    '--outside': options.outside,
    '--crop': options.crop,
    '--layout': options.layout,
    '--input': options.input,
    '--output': options.output,
    [`--device ${device}`]: ['cpu', 'auto'].includes(device) ? undefined : device,
  }).find(([, value]) => value !== undefined);
  if (!given) return;
  throw new UsageError(
    given[0],
    `The response ${response} looks at no encoder and is worked out on the CPU.`,
    {
      remedy: `Leave ${given[0]} out, or use the response logit.`,
    },
  );
}
