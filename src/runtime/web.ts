/**
 * Sessions in the browser: onnxruntime-web, WebAssembly for `cpu` and WebGPU. The engine is loaded when the first
 * session is opened. A session computes in the thread that opened it; an application keeps it off its main thread
 * by opening it in a worker of its own.
 */
import type { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-common';
import { DeviceError, EncoderError } from '../errors.ts';
import { openOnDevice, providers } from './devices.ts';
import { Gate } from './gate.ts';
import { probeModel } from './probe.ts';
import type { Device, Session, SessionOptions, Tensor, TensorData } from './session.ts';

export interface WebSessionOptions extends SessionOptions {
  /** Folder with the engine's .wasm and .mjs files, with a slash at its end; beside the script by default. */
  readonly wasmFolder?: string;
}

/** The devices a browser may have; whether one is there shows when a session is opened. */
export function availableDevices(): Device[] {
  return Object.keys(providers.web) as Device[];
}

/**
 * Opens a session for an ONNX model.
 * @throws DeviceError when the device is not there.
 * @throws EncoderError when the engine refuses the model.
 */
export async function openSession(model: Uint8Array, options: WebSessionOptions = {}): Promise<Session> {
  const { device = 'cpu', threads, name = 'model', wasmFolder } = options;
  const ort = await import('onnxruntime-web/webgpu');
  if (wasmFolder) ort.env.wasm.wasmPaths = wasmFolder;
  if (threads) ort.env.wasm.numThreads = threads;
  const create = (bytes: Uint8Array, chosen: Device, strict: boolean) =>
    ort.InferenceSession.create(bytes, {
      executionProviders: [providers.web[chosen as keyof typeof providers.web]],
      graphOptimizationLevel: 'all',
      logSeverityLevel: 4,
      extra: { session: strict ? { disable_cpu_ep_fallback: '1' } : {} },
    });
  return openOnDevice(device, availableDevices(), async (chosen) => {
    let session: InferenceSession | undefined;
    let partlyOnCpu = false;
    if (chosen !== 'cpu') {
      try {
        await (await create(probeModel(), chosen, true)).release();
      } catch (cause) {
        throw new DeviceError(`device ${chosen}`, 'This browser has no such device, or it does not work.', {
          remedy: 'Choose the device cpu.',
          cause,
        });
      }
      try {
        session = await create(model, chosen, true);
      } catch {
        partlyOnCpu = true;
      }
    }
    try {
      session ??= await create(model, chosen, false);
    } catch (cause) {
      throw new EncoderError(name, `ONNX Runtime cannot load the model: ${(cause as Error).message}`, {
        remedy: 'Check that the file is complete and its operators are standard ONNX.',
        cause,
      });
    }
    return new WebSession(session, ort.Tensor, chosen, partlyOnCpu, name);
  });
}

class WebSession implements Session {
  readonly device: Device;
  readonly partlyOnCpu: boolean;
  readonly lanes = 1;
  private readonly session: InferenceSession;
  private readonly OrtTensor: typeof OrtTensor;
  private readonly name: string;
  /** The engine takes one run at a time. */
  private readonly gate = new Gate(1);

  constructor(
    session: InferenceSession,
    tensor: typeof OrtTensor,
    device: Device,
    partlyOnCpu: boolean,
    name: string,
  ) {
    this.session = session;
    this.OrtTensor = tensor;
    this.device = device;
    this.partlyOnCpu = partlyOnCpu;
    this.name = name;
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
  ): Promise<Record<string, Tensor>> {
    await this.gate.enter();
    try {
      const inputs: Record<string, OrtTensor> = {};
      for (const [name, { data, dims }] of Object.entries(feeds)) {
        inputs[name] = new this.OrtTensor(data as Float32Array, dims);
      }
      const results = await (fetches ? this.session.run(inputs, fetches) : this.session.run(inputs));
      const outputs: Record<string, Tensor> = {};
      for (const [name, tensor] of Object.entries(results)) {
        outputs[name] = { data: (await tensor.getData()) as TensorData, dims: tensor.dims };
        tensor.dispose();
      }
      return outputs;
    } catch (cause) {
      throw new EncoderError(this.name, `ONNX Runtime failed while running it: ${(cause as Error).message}`, {
        cause,
      });
    } finally {
      this.gate.leave();
    }
  }

  async close(): Promise<void> {
    await this.gate.enter();
    await this.session.release();
  }
}
