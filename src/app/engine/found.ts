/** What there is to compute with, and how it is told: where it is not the fastest kind, with the reason. */
import { DeviceError } from '../../errors.ts';
import type { Device } from '../../runtime/session.ts';
import type { FoundDevice } from '../../runtime/web.ts';
import type { EngineInfo } from '../protocol.ts';

/** What looks for devices. */
export interface Finding {
  /** @throws DeviceError when it is not there or does not work. */
  findDevice(device: Device): Promise<FoundDevice>;
  /** False in a page that is given no memory to share, and so no threads. */
  readonly shares: boolean;
}

export interface Found extends FoundDevice {
  /** Whether there could be more than one thread. */
  readonly shares: boolean;
  /** Why WebGPU was not taken, where it was looked for. */
  readonly without?: string;
}

/** WebGPU where a GPU answers to it, else WebAssembly. @throws DeviceError when there is neither. */
export async function findBest(platform: Finding): Promise<Found> {
  const { shares } = platform;
  let without: string;
  try {
    const found = await platform.findDevice('webgpu');
    if (!found.imitated) return { ...found, shares };
    without = 'the GPU is only imitated here';
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    const said = error.cause instanceof Error ? error.cause.message : error.problem;
    without = /not supported in current environment/.test(said)
      ? 'this browser offers no WebGPU here'
      : 'WebGPU does not work here';
  }
  return { ...(await platform.findDevice('cpu')), shares, without };
}

/** For the page. */
export function titleOf({ device, threads, shares, without }: Found, partlyOnCpu = false): EngineInfo {
  if (device !== 'cpu')
    return { device, title: partlyOnCpu ? 'WebGPU, some operators on the CPU' : 'WebGPU' };
  const count = threads === 1 ? 'one thread' : `${threads} threads`;
  const reasons = [
    without,
    !shares && 'this page may not share memory between threads: it is not cross-origin isolated',
  ].filter(Boolean);
  return {
    device,
    title: `WebAssembly with ${count}${reasons.length > 0 ? ` (${reasons.join('; ')})` : ''}`,
  };
}
