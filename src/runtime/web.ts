/**
 * Sessions in the browser: onnxruntime-web, WebAssembly for `cpu` and WebGPU. The engine is loaded when the first
 * session is opened. A session computes in the thread that opened it; an application keeps it off its main thread
 * by opening it in a worker of its own.
 */
import type { InferenceSession, TensorConstructor } from 'onnxruntime-common';
import { DeviceError } from '../errors.ts';
import { checkThreads, openOnDevice, providers } from './devices.ts';
import { closed, gpuLost, refused, runFailed } from './failures.ts';
import { Gate } from './gate.ts';
import { probeModel } from './probe.ts';
import { reason } from './reason.ts';
import type { Device, Session, SessionOptions, Tensor } from './session.ts';
import { fromEngine, toEngine } from './tensors.ts';

/** What the first session, or look at a device, settles for all. */
export interface WebEngineOptions {
  /** Threads of WebAssembly; `wasmThreads` by default. */
  readonly threads?: number;
  /** Folder with the engine's .wasm and .mjs files, with a slash at its end; beside the script by default. */
  readonly wasmFolder?: string;
}

export interface WebSessionOptions extends SessionOptions, WebEngineOptions {
  readonly threads?: number;
  /**
   * Called with what the browser says when the GPU is lost, before the engine hears of it: a run that is under way then may
   * never give its thread back, which only another thread can end.
   */
  readonly onGpuLost?: (said: string) => void;
}

/** A device that computes here. */
export interface FoundDevice {
  readonly device: Device;
  /** Of WebAssembly, whatever the device. */
  readonly threads: number;
  /** A GPU that is imitated by the CPU, slower than that alone. */
  readonly imitated: boolean;
  /** The engine and its version, for records. */
  readonly engine: string;
}

/** More cores than these gain a small network nothing, and the page wants some as well. */
const MOST_THREADS = 8;

/**
 * How many threads WebAssembly has by default. Half of what the browser counts are the same cores once more, as a rule, but
 * of few cores none can be spared. A page that is not cross-origin isolated has one: browsers share memory with no other.
 */
export function wasmThreads(
  cores = globalThis.navigator?.hardwareConcurrency ?? 1,
  isolated = globalThis.crossOriginIsolated,
): number {
  if (isolated === false) return 1;
  return Math.min(MOST_THREADS, Math.max(Math.min(cores, 4), Math.floor(cores / 2)));
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
  const { device = 'cpu', name = 'model', constantWeights = true } = options;
  const ort = await loadEngine(options);
  const create = (bytes: Uint8Array, chosen: Device, strict: boolean) =>
    createSession(ort, bytes, chosen, strict, constantWeights);
  return openOnDevice(device, availableDevices(), (chosen) =>
    alone(async () => {
      const strict = chosen !== 'cpu';
      await probe(ort, chosen);
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
      const gpu = chosen === 'webgpu' ? await gpuOf(ort) : undefined;
      return new WebSession(session, ort.Tensor, chosen, partlyOnCpu, name, gpu, options.onGpuLost);
    }),
  );
}

/**
 * Loads the engine and has a device compute something, so that a page knows what there is before it has an encoder.
 * @throws DeviceError when the device is not there or the engine cannot be loaded.
 */
export async function findDevice(
  device: Device | 'auto',
  options: WebEngineOptions = {},
): Promise<FoundDevice> {
  const ort = await loadEngine(options);
  return openOnDevice(device, availableDevices(), (chosen) =>
    alone(async () => {
      const gpu = await probe(ort, chosen);
      const { versions, wasm } = ort.env;
      return {
        device: chosen,
        threads: wasm.numThreads ?? 1,
        imitated: isImitated(gpu),
        engine: `onnxruntime-web ${versions.web ?? versions.common}`,
      };
    }),
  );
}

type Ort = typeof import('onnxruntime-web/webgpu');

function createSession(ort: Ort, model: Uint8Array, device: Device, strict: boolean, rearranged = true) {
  return ort.InferenceSession.create(model, {
    executionProviders: [providers.web[device as keyof typeof providers.web]],
    graphOptimizationLevel: rearranged ? 'all' : 'extended',
    logSeverityLevel: 4,
    extra: { session: strict ? { disable_cpu_ep_fallback: '1' } : {} },
  });
}

/** @throws DeviceError when the device does not run a model of one addition. */
async function probe(ort: Ort, device: Device): Promise<Gpu | undefined> {
  try {
    const session = await createSession(ort, probeModel(), device, device !== 'cpu');
    try {
      return device === 'webgpu' ? await gpuOf(ort) : undefined;
    } finally {
      await session.release();
    }
  } catch (cause) {
    throw missing(device, cause);
  }
}

/** What is asked of a GPUDevice. */
interface Gpu {
  readonly lost: Promise<{ readonly message: string }>;
  readonly adapterInfo?: { readonly architecture: string; readonly isFallbackAdapter?: boolean };
}

/** The one that all sessions on WebGPU share. The engine takes another when the last of them is closed. */
async function gpuOf(ort: Ort): Promise<Gpu> {
  return (await ort.env.webgpu.device) as unknown as Gpu;
}

function isImitated(gpu: Gpu | undefined): boolean {
  const info = gpu?.adapterInfo;
  return info?.isFallbackAdapter === true || /swiftshader|llvmpipe/i.test(info?.architecture ?? '');
}

/** @throws UsageError when the number of threads is none; DeviceError when there is no engine. */
async function loadEngine({ threads, wasmFolder }: WebEngineOptions): Promise<Ort> {
  if (threads !== undefined) checkThreads(threads);
  try {
    const ort = await import('onnxruntime-web/webgpu');
    if (wasmFolder) ort.env.wasm.wasmPaths = wasmFolder;
    // The engine looks at it once; what is there is what it has begun with.
    ort.env.wasm.numThreads ||= threads ?? wasmThreads();
    return ort;
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

/** Milliseconds in which a failed run and the news that its GPU is lost find one another. */
const NEWS = 200;
/** Milliseconds after which a run on a lost GPU is given up, should the engine never say so. */
const GIVEN_UP = 3000;

class WebSession implements Session {
  readonly device: Device;
  readonly partlyOnCpu: boolean;
  readonly lanes = 1;
  private readonly session: InferenceSession;
  private readonly EngineTensor: TensorConstructor;
  private readonly name: string;
  private lost: { readonly message: string } | undefined;
  /** Ends waiting for the run under way. */
  private giveUp: (reason: Error) => void = () => {};
  private readonly gpu: Gpu | undefined;
  private held: Readonly<Record<string, Tensor>> = {};
  private closing: Promise<void> | undefined;
  private running = false;

  constructor(
    session: InferenceSession,
    EngineTensor: TensorConstructor,
    device: Device,
    partlyOnCpu: boolean,
    name: string,
    gpu: Gpu | undefined,
    onGpuLost: WebSessionOptions['onGpuLost'],
  ) {
    this.session = session;
    this.EngineTensor = EngineTensor;
    this.device = device;
    this.partlyOnCpu = partlyOnCpu;
    this.name = name;
    this.gpu = gpu;
    gpu?.lost.then((lost) => {
      this.lost = lost;
      if (this.running) onGpuLost?.(lost.message);
      setTimeout(() => this.giveUp(new Error(lost.message)), GIVEN_UP);
    });
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
  ): Promise<Record<string, Tensor>> {
    if (this.closing) throw closed(this.name);
    const all = { ...this.held, ...feeds };
    return alone(async () => {
      // The engine might wait for it for ever.
      this.requireGpu();
      this.running = true;
      try {
        const inputs = toEngine(all, this.session.inputNames, this.EngineTensor);
        const results = await new Promise<InferenceSession.OnnxValueMapType>((resolve, reject) => {
          this.giveUp = reject;
          const running = fetches ? this.session.run(inputs, fetches) : this.session.run(inputs);
          running.then(resolve, reject);
        });
        try {
          return await fromEngine(results);
        } finally {
          for (const tensor of Object.values(results)) tensor.dispose();
        }
      } catch (cause) {
        if (this.gpu && !this.lost) await new Promise((resolve) => setTimeout(resolve, NEWS));
        this.requireGpu(cause);
        throw runFailed(this.name, this.device, cause);
      } finally {
        this.running = false;
      }
    });
  }

  /** @throws DeviceError when there was one and it is lost. */
  private requireGpu(cause?: unknown): void {
    if (this.lost) throw gpuLost(this.lost.message, cause);
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
