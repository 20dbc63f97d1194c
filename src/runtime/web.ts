/**
 * Sessions in the browser: onnxruntime-web, WebAssembly for `cpu` and WebGPU. The engine is loaded when the first
 * session is opened. A session computes in the thread that opened it; an application keeps it off its main thread
 * by opening it in a worker of its own.
 */
import type { InferenceSession, TensorConstructor } from 'onnxruntime-common';
import { DeviceError } from '../errors.ts';
import { checkThreads, openOnDevice, providers } from './devices.ts';
import { closed, refused, runFailed } from './failures.ts';
import { Gate } from './gate.ts';
import { probeModel } from './probe.ts';
import { reason } from './reason.ts';
import type { Device, Session, SessionOptions, Tensor } from './session.ts';
import { fromEngine, toEngine } from './tensors.ts';

export interface WebSessionOptions extends SessionOptions {
  /** Threads of WebAssembly, set by the first session for all. The engine chooses by default. */
  readonly threads?: number;
  /** Folder with the engine's .wasm and .mjs files, with a slash at its end; beside the script by default. */
  readonly wasmFolder?: string;
}

/** The devices a browser may have; whether one is there shows when a session is opened. */
export function availableDevices(): Device[] {
  return Object.keys(providers.web) as Device[];
}

/**
 * Opens a session for an ONNX model.
 * @throws DeviceError when the device is not there or the engine cannot be loaded.
 * @throws EncoderError when the engine refuses the model.
 * @throws UsageError when the number of threads is none.
 */
export async function openSession(model: Uint8Array, options: WebSessionOptions = {}): Promise<Session> {
  const { device = 'cpu', threads, name = 'model', wasmFolder, constantWeights = true } = options;
  if (threads !== undefined) checkThreads(threads);
  const ort = await loadEngine();
  if (wasmFolder) ort.env.wasm.wasmPaths = wasmFolder;
  if (threads) ort.env.wasm.numThreads = threads;
  const create = (bytes: Uint8Array, chosen: Device, strict: boolean) =>
    ort.InferenceSession.create(bytes, {
      executionProviders: [providers.web[chosen as keyof typeof providers.web]],
      graphOptimizationLevel: constantWeights ? 'all' : 'extended',
      logSeverityLevel: 4,
      extra: { session: strict ? { disable_cpu_ep_fallback: '1' } : {} },
    });
  return openOnDevice(device, availableDevices(), (chosen) =>
    alone(async () => {
      const strict = chosen !== 'cpu';
      try {
        await (await create(probeModel(), chosen, strict)).release();
      } catch (cause) {
        throw missing(chosen, cause);
      }
      let session: InferenceSession | undefined;
      let partlyOnCpu = false;
      if (strict) {
        try {
          session = await create(model, chosen, true);
        } catch {
          partlyOnCpu = true;
        }
      }
      try {
        session ??= await create(model, chosen, false);
      } catch (cause) {
        throw refused(name, cause);
      }
      return new WebSession(session, ort.Tensor, chosen, partlyOnCpu, name);
    }),
  );
}

async function loadEngine(): Promise<typeof import('onnxruntime-web/webgpu')> {
  try {
    return await import('onnxruntime-web/webgpu');
  } catch (cause) {
    throw new DeviceError('ONNX Runtime', `The page cannot load it: ${reason(cause)}`, {
      remedy: 'Check the connection and load the page again.',
      cause,
    });
  }
}

function missing(device: Device, cause: unknown): DeviceError {
  return new DeviceError(`device ${device}`, `It is not there or does not work: ${reason(cause)}`, {
    remedy:
      device === 'cpu'
        ? 'Check that the .wasm and .mjs files of ONNX Runtime are served, and load the page again.'
        : 'Choose the device cpu.',
    cause,
  });
}

/** The page has one engine for all sessions, and it does one thing at a time. */
const engine = new Gate(1);

async function alone<T>(work: () => Promise<T>): Promise<T> {
  await engine.enter();
  try {
    return await work();
  } finally {
    engine.leave();
  }
}

class WebSession implements Session {
  readonly device: Device;
  readonly partlyOnCpu: boolean;
  readonly lanes = 1;
  private readonly session: InferenceSession;
  private readonly EngineTensor: TensorConstructor;
  private readonly name: string;
  private held: Readonly<Record<string, Tensor>> = {};
  private closing: Promise<void> | undefined;

  constructor(
    session: InferenceSession,
    EngineTensor: TensorConstructor,
    device: Device,
    partlyOnCpu: boolean,
    name: string,
  ) {
    this.session = session;
    this.EngineTensor = EngineTensor;
    this.device = device;
    this.partlyOnCpu = partlyOnCpu;
    this.name = name;
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
  ): Promise<Record<string, Tensor>> {
    if (this.closing) throw closed(this.name);
    const all = { ...this.held, ...feeds };
    return alone(async () => {
      try {
        const inputs = toEngine(all, this.session.inputNames, this.EngineTensor);
        const results = await (fetches ? this.session.run(inputs, fetches) : this.session.run(inputs));
        try {
          return await fromEngine(results);
        } finally {
          for (const tensor of Object.values(results)) tensor.dispose();
        }
      } catch (cause) {
        throw runFailed(this.name, this.device, cause);
      }
    });
  }

  hold(tensors: Readonly<Record<string, Tensor>>): void {
    if (this.closing) throw closed(this.name);
    const copies = Object.entries(tensors).map(([name, { data, dims }]) => [
      name,
      { data: data.slice(), dims },
    ]);
    this.held = { ...this.held, ...Object.fromEntries(copies) };
  }

  close(): Promise<void> {
    this.closing ??= alone(() => this.session.release());
    return this.closing;
  }
}
