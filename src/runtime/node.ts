/**
 * Sessions in Node: onnxruntime-node in worker threads. On a CPU several workers of one thread each do as much as
 * one of many, and none waits for another at the end of every operator; on a GPU one worker feeds the device.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { listSupportedBackends } from 'onnxruntime-node';
import { DeviceError, EncoderError } from '../errors.ts';
import { openOnDevice, providers } from './devices.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { probeModel } from './probe.ts';
import type { Device, Session, SessionOptions, Tensor } from './session.ts';

// The same file from src/ (tests) and from dist/: workers need JavaScript.
const WORKER = new URL('../../dist/runtime/node-worker.js', import.meta.url);

/** More workers than this share out threads among them: each holds a copy of the model. */
const MOST_WORKERS = 8;

/** The devices that this build of ONNX Runtime knows; whether one is there shows when a session is opened. */
export function availableDevices(): Device[] {
  const known = new Set(listSupportedBackends().map(({ name }) => name));
  return (Object.keys(providers.node) as Device[]).filter((device) => known.has(providers.node[device]));
}

/**
 * Opens a session for an ONNX model.
 * @throws DeviceError when the device is not there.
 * @throws EncoderError when the engine refuses the model.
 */
export function openSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const { device = 'cpu', threads = availableParallelism(), name = 'model' } = options;
  return openOnDevice(device, availableDevices(), async (chosen) => {
    const workers = chosen === 'cpu' ? Math.min(threads, MOST_WORKERS) : 1;
    const threadsEach = chosen === 'cpu' ? Math.floor(threads / workers) : 1;
    const pool = new WorkerPool(name, chosen, workers);
    await pool.open(model, threadsEach);
    return pool;
  });
}

interface Pending {
  resolve(outputs: Record<string, Tensor>): void;
  reject(error: Error): void;
}

class EncoderWorker {
  readonly thread = new Worker(WORKER);
  readonly pending = new Map<number, Pending>();
  /** Set once; afterwards every run is refused with it. */
  failure: Error | undefined;

  send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.thread.postMessage(message, transfer);
  }
}

class WorkerPool implements Session {
  readonly device: Device;
  readonly lanes: number;
  partlyOnCpu = false;
  private readonly name: string;
  private readonly workers: EncoderWorker[];
  private runs = 0;
  private closing: Promise<void> | undefined;

  constructor(name: string, device: Device, workers: number) {
    this.name = name;
    this.device = device;
    this.lanes = workers;
    this.workers = Array.from({ length: workers }, () => new EncoderWorker());
  }

  async open(model: Uint8Array, threads: number): Promise<void> {
    const probe = this.device === 'cpu' ? undefined : probeModel();
    const provider = providers.node[this.device];
    try {
      await Promise.all(
        this.workers.map(async (worker) => {
          const answer = await this.start(worker, { type: 'open', model, provider, threads, probe });
          if (answer.type === 'ready') this.partlyOnCpu ||= answer.partlyOnCpu;
          else if (answer.type === 'failed') throw this.refusal(answer);
        }),
      );
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Record<string, Tensor>> {
    const worker = this.workers.reduce((a, b) => (b.pending.size < a.pending.size ? b : a));
    const failure = this.closing ? new Error(`${this.name}: The session is closed.`) : worker.failure;
    if (failure) return Promise.reject(failure);
    const id = this.runs++;
    return new Promise((resolve, reject) => {
      worker.pending.set(id, { resolve, reject });
      const whole = Object.values(feeds).filter(({ data }) => data.byteLength === data.buffer.byteLength);
      const buffers = new Set(whole.map(({ data }) => data.buffer as ArrayBuffer));
      worker.send({ type: 'run', id, feeds, fetches }, [...buffers]);
    });
  }

  close(): Promise<void> {
    this.closing ??= Promise.all(
      this.workers.map(
        ({ thread, failure }) =>
          new Promise<void>((resolve) => {
            if (failure) return resolve();
            thread.once('exit', () => resolve());
            thread.postMessage({ type: 'close' } satisfies ToWorker);
          }),
      ),
    ).then(() => undefined);
    return this.closing;
  }

  private start(worker: EncoderWorker, message: ToWorker): Promise<FromWorker> {
    return new Promise((resolve, reject) => {
      const fail = (error: Error) => {
        worker.failure = error;
        reject(error);
        for (const { reject: rejectRun } of worker.pending.values()) rejectRun(error);
        worker.pending.clear();
      };
      worker.thread.on('message', (answer: FromWorker) => {
        if (answer.type === 'ready' || answer.type === 'failed') return resolve(answer);
        const pending = worker.pending.get(answer.id);
        worker.pending.delete(answer.id);
        if (answer.type === 'done') pending?.resolve(answer.outputs);
        else
          pending?.reject(
            new EncoderError(this.name, `ONNX Runtime failed while running it: ${answer.message}`),
          );
      });
      worker.thread.on('error', (cause) =>
        fail(
          new DeviceError(`device ${this.device}`, `The encoder's thread ended: ${cause.message}.`, {
            cause,
          }),
        ),
      );
      worker.thread.on('exit', () => {
        if (!this.closing)
          fail(new DeviceError(`device ${this.device}`, 'The encoder’s thread ended by itself.'));
      });
      worker.send(message);
    });
  }

  private refusal({ stage, message }: Extract<FromWorker, { type: 'failed' }>): Error {
    if (stage === 'model') {
      return new EncoderError(this.name, `ONNX Runtime cannot load the model: ${message}`, {
        remedy: 'Check that the file is complete and its operators are standard ONNX.',
      });
    }
    return new DeviceError(`device ${this.device}`, `It is not there or does not work: ${message}`, {
      remedy: 'Choose another --device, or see the README on GPUs.',
    });
  }
}
