/**
 * Devices and the execution providers of ONNX Runtime that stand for them: one table for Node and the browser. A
 * device that is not there is an error; it is never replaced by another in silence.
 */
import { DeviceError, UsageError } from '../errors.ts';
import { type Device, devices } from './session.ts';

export const providers = {
  node: { cpu: 'cpu', webgpu: 'webgpu', cuda: 'cuda', coreml: 'coreml', dml: 'dml' },
  web: { cpu: 'wasm', webgpu: 'webgpu' },
} as const satisfies Record<string, Partial<Record<Device, string>>>;

/** What `auto` tries, fastest first. */
export const autoOrder: readonly Device[] = ['cuda', 'coreml', 'dml', 'webgpu', 'cpu'];

/** Opens with the first device of `auto` that works, or with the one named. */
export async function openOnDevice<T>(
  wanted: Device | 'auto',
  available: readonly Device[],
  open: (device: Device) => Promise<T>,
): Promise<T> {
  if (wanted !== 'auto') {
    if (available.includes(wanted)) return open(wanted);
    throw new DeviceError(`device ${wanted}`, 'This build of ONNX Runtime has no such device here.', {
      remedy: `Devices it has: ${available.join(', ')}.`,
    });
  }
  let last: unknown;
  for (const device of autoOrder.filter((candidate) => available.includes(candidate))) {
    try {
      return await open(device);
    } catch (error) {
      // A device that is not there is what auto is for; anything else is wrong with the model on every device.
      if (!(error instanceof DeviceError)) throw error;
      last = error;
    }
  }
  throw last ?? new DeviceError('device auto', 'ONNX Runtime offers no device here.');
}

/** @throws DeviceError for a name that is no device's. */
export function parseDevice(name: string): Device | 'auto' {
  if (name === 'auto' || (devices as readonly string[]).includes(name)) return name as Device | 'auto';
  throw new DeviceError(`device ${name}`, 'There is no device of that name.', {
    remedy: `Devices are ${devices.join(', ')} and auto.`,
  });
}

/** @throws UsageError when the number of threads is none. */
export function checkThreads(threads: number): void {
  if (Number.isInteger(threads) && threads >= 1) return;
  throw new UsageError(`${threads} threads`, 'The number of threads is a whole number and at least 1.');
}
