/**
 * The worker that an engine lives in: onnxruntime-web computes here, and its own threads start from here. Heatmaps are shared
 * with whoever is told of them where the browser shares memory, and handed over where it does not.
 */
import { transfer } from 'comlink';
import { gpuLost } from '../../runtime/failures.ts';
import { findDevice, openSession, wasmThreads } from '../../runtime/web.ts';
import { openWebCrew } from '../../runtime/web-crew.ts';
import type { Volume } from '../../volume/volume.ts';
import type { EngineOutcome, EngineProgress, NewHeatmap, ReconstructionSettings } from '../protocol.ts';
import { announceDoubt, answerFor } from '../remote.ts';
import { Engine } from './engine.ts';
import type { Listener } from './running.ts';

/** This file lies in assets/ of the built page, the engine's files beside that. */
const wasmFolder = new URL('../ort/', globalThis.location.href).href;

const shares = globalThis.crossOriginIsolated && typeof SharedArrayBuffer !== 'undefined';

const summing = () => new Worker(new URL('./backprojection.worker.ts', import.meta.url), { type: 'module' });

class EngineWorker extends Engine {
  override async reconstruct(volume: Volume, settings: ReconstructionSettings, onProgress: Listener) {
    return handOver(super.reconstruct(volume, settings, handingOver(onProgress)));
  }

  override async more(directions: number, onProgress: Listener) {
    return handOver(super.more(directions, handingOver(onProgress)));
  }

  override async rescue() {
    return handOver(super.rescue());
  }
}

async function handOver<T extends EngineOutcome | undefined>(outcome: Promise<T>): Promise<T> {
  const given = await outcome;
  return given ? transfer(given, buffersOf(given.heatmap)) : given;
}

function handingOver(listen: Listener): Listener {
  return (progress: EngineProgress) => listen(transfer(progress, buffersOf(progress.estimate)));
}

function buffersOf(heatmap: NewHeatmap | undefined): ArrayBuffer[] {
  const buffer = heatmap?.data.buffer;
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

answerFor(
  new EngineWorker({
    openSession: (model, options) =>
      openSession(model, { ...options, wasmFolder, onGpuLost: (said) => announceDoubt(gpuLost(said)) }),
    findDevice: (device) => findDevice(device, { wasmFolder }),
    shares,
    // Directions are laid out in memory that the threads share.
    ...(shares && { openCrew: () => openWebCrew(summing, wasmThreads()) }),
    software: { browser: navigator.userAgent },
  }),
);
