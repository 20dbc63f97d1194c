/** An engine of the page in Node: on Node's own sessions or on the browser's, with what it is told kept. */
import { readFileSync } from 'node:fs';
import { Engine, type EnginePlatform } from '../../../src/app/engine/engine.ts';
import type { EngineProgress, ReconstructionSettings } from '../../../src/app/protocol.ts';
import { smoothPhantom } from '../../../src/datasets/phantom.ts';
import { DeviceError } from '../../../src/errors.ts';
import { BACKPROJECTION_MODULE } from '../../../src/reconstruction/backprojector.ts';
import { engine, openSession } from '../../../src/runtime/node.ts';
import { openCrew } from '../../../src/runtime/node-crew.ts';
import type { Device } from '../../../src/runtime/session.ts';
import type { Volume } from '../../../src/volume/volume.ts';

export const phantomEncoder = readFileSync(new URL('../../../assets/phantom-encoder.onnx', import.meta.url));

export const source = (name: string, bytes: Uint8Array) => ({
  name,
  file: new Blob([new Uint8Array(bytes)]),
});

/** WebAssembly alone, as in a browser without WebGPU, but computed by Node's engine. */
export const onNode: EnginePlatform = {
  openSession: (model, options) => openSession(model, { ...options, threads: 1 }),
  async findDevice(device: Device) {
    if (device === 'cpu') return { device, threads: 1, imitated: false, engine: engine() };
    throw new DeviceError(`device ${device}`, 'It is not there or does not work.');
  },
  shares: true,
  openCrew: () => openCrew(BACKPROJECTION_MODULE, 2),
  software: { browser: 'none' },
};

export const settings: ReconstructionSettings = {
  method: 'tonno',
  preset: 'draft',
  directions: 12,
  slices: 16,
  device: 'auto',
};

export function phantom(shape: Volume['shape'] = [36, 40, 44]): Volume {
  return { ...smoothPhantom(shape), name: 'scan.nii.gz' };
}

/** What a listener hears. */
export function listener() {
  const heard: EngineProgress[] = [];
  return { heard, listen: (progress: EngineProgress) => void heard.push(progress) };
}

export async function opened(platform: EnginePlatform = onNode, bytes: Uint8Array = phantomEncoder) {
  const engine = new Engine(platform);
  await engine.openEncoder(source('phantom-encoder.onnx', bytes));
  return engine;
}
