/**
 * Sessions in Node: onnxruntime-node in worker threads. On a CPU several workers of one thread each do as much as
 * one of many, and none waits for another at the end of every operator; on a GPU one worker feeds the device.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import { env, listSupportedBackends } from 'onnxruntime-node';
import { DeviceError } from '../errors.ts';
import { checkThreads, openOnDevice, providers } from './devices.ts';
import { closed, refused, runFailed } from './failures.ts';
import type { FromWorker, OpenMessage, ToWorker } from './messages.ts';
import { Occupancy } from './occupancy.ts';
import { probeModel } from './probe.ts';
import { reason } from './reason.ts';
import type { Device, Session, SessionOptions, Tensor, TensorData } from './session.ts';

// The same file from src/ (tests) and from dist/: workers need JavaScript.
const WORKER = new URL('../../dist/runtime/node-worker.js', import.meta.url);

/** More workers than this share out threads among them: each holds a copy of the model. */
const MOST_WORKERS = 8;

/** Milliseconds that an ending process waits for runs under way; a batch takes less. */
const LONGEST_RUN = 10_000;

let occupancy: Occupancy | undefined;

/** One for all sessions, made with the first. */
function sharedOccupancy(): Occupancy {
  if (!occupancy) {
    const made = new Occupancy();
    process.once('exit', () => made.end(LONGEST_RUN));
    occupancy = made;
  }
  return occupancy;
}

/** The devices that this build of ONNX Runtime knows; whether one is there shows when a session is opened. */
export function availableDevices(): Device[] {
  const known = new Set(listSupportedBackends().map(({ name }) => name));
  return (Object.keys(providers.node) as Device[]).filter((device) => known.has(providers.node[device]));
}

/** The engine and its version, for records. */
export function engine(): string {
  return `onnxruntime-node ${env.versions.node ?? env.versions.common}`;
}

/**
 * Opens a session for an ONNX model. A session that is left open does not keep the process from ending.
 * @throws DeviceError when the device is not there.
 * @throws EncoderError when the engine refuses the model.
 * @throws UsageError when the number of threads is none.
 */
export async function openSession(model: Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const { device = 'cpu', threads = availableParallelism(), name = 'model' } = options;
  const { lanes = MOST_WORKERS, constantWeights = true } = options;
  checkThreads(threads);
  return openOnDevice(device, availableDevices(), async (chosen) => {
    const workers = chosen === 'cpu' ? Math.min(threads, lanes, MOST_WORKERS) : 1;
    const threadsEach = chosen === 'cpu' ? Math.floor(threads / workers) : 1;
    const pool = new WorkerPool(name, chosen, workers);
    await pool.open(model, threadsEach, constantWeights);
    return pool;
  });
}

class WorkerPool implements Session {
  readonly device: Device;
  readonly lanes: number;
  partlyOnCpu = false;
  private readonly name: string;
  private readonly workers: EncoderWorker[];
  private closing: Promise<void> | undefined;

  constructor(name: string, device: Device, workers: number) {
    this.name = name;
    this.device = device;
    this.lanes = workers;
    this.workers = Array.from({ length: workers }, () => new EncoderWorker(name, device));
  }

  async open(model: Uint8Array, threads: number, ownLayout: boolean): Promise<void> {
    const message: OpenMessage = {
      type: 'open',
      model: ownsBuffer(model) ? model : copyOf(model),
      provider: providers.node[this.device],
      threads,
      ownLayout,
      probe: this.device === 'cpu' ? undefined : probeModel(),
    };
    try {
      const partly = await Promise.all(this.workers.map((worker) => worker.open(message)));
      this.partlyOnCpu = partly.includes(true);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async run(
    feeds: Readonly<Record<string, Tensor>>,
    fetches?: readonly string[],
  ): Promise<Record<string, Tensor>> {
    if (this.closing) throw closed(this.name);
    return this.workers.reduce((a, b) => (b.load < a.load ? b : a)).run(feeds, fetches);
  }

  hold(tensors: Readonly<Record<string, Tensor>>): void {
    if (this.closing) throw closed(this.name);
    for (const worker of this.workers) worker.hold(tensors);
  }

  close(): Promise<void> {
    this.closing ??= Promise.all(this.workers.map((worker) => worker.close())).then(() => {});
    return this.closing;
  }
}

interface Waiting<T> {
  resolve(value: T): void;
  reject(error: Error): void;
}

/** One thread with one session of the engine in it, which does one run after the other. */
class EncoderWorker {
  private readonly name: string;
  private readonly device: Device;
  // Flags of the caller's (loaders, --input-type) are not for this file, and some keep it from starting.
  private readonly thread = new Worker(WORKER, {
    execArgv: [],
    workerData: sharedOccupancy().memory,
  });
  private readonly exit = new Promise<void>((resolve) => this.thread.once('exit', () => resolve()));
  private readonly runs = new Map<number, Waiting<Record<string, Tensor>>>();
  private nextId = 0;
  private opening: Waiting<boolean> | undefined;
  private closing = false;
  /** Why the thread is gone although nobody closed it; every run is refused with it. */
  private failure: Error | undefined;

  constructor(name: string, device: Device) {
    this.name = name;
    this.device = device;
    this.thread.on('message', (message: FromWorker) => this.receive(message));
    this.thread.on('error', (cause) => this.fail(`ended: ${reason(cause)}`, cause));
    this.exit.then(() => this.fail('ended by itself.'));
  }

  /** Runs that are under way or wait. */
  get load(): number {
    return this.runs.size;
  }

  /** Whether some operators run on the CPU although the device is another. */
  open(message: OpenMessage): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.opening = { resolve, reject };
      this.send(message);
    });
  }

  run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Record<string, Tensor>> {
    if (this.failure) return Promise.reject(this.failure);
    return new Promise((resolve, reject) => {
      const id = this.nextId++;
      try {
        const { handed, buffers } = handOver(feeds);
        this.send({ type: 'run', id, feeds: handed, fetches }, buffers);
      } catch (cause) {
        return reject(runFailed(this.name, this.device, cause));
      }
      this.runs.set(id, { resolve, reject });
      this.keepAlive();
    });
  }

  hold(tensors: Readonly<Record<string, Tensor>>): void {
    const { handed, buffers } = handOver(tensors, copyOf);
    this.send({ type: 'hold', tensors: handed }, buffers);
  }

  /** Returns when the runs under way are done and the thread has ended. */
  close(): Promise<void> {
    this.closing = true;
    this.keepAlive();
    this.send({ type: 'close' });
    return this.exit;
  }

  private send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.thread.postMessage(message, transfer);
  }

  private receive(message: FromWorker): void {
    if (message.type === 'ready') this.opening?.resolve(message.partlyOnCpu);
    else if (message.type === 'failed') this.opening?.reject(this.refusal(message));
    else {
      const run = this.runs.get(message.id);
      this.runs.delete(message.id);
      if (message.type === 'done') run?.resolve(message.outputs);
      else run?.reject(runFailed(this.name, this.device, message.message));
    }
    this.keepAlive();
  }

  /** A thread without work must not keep the process from ending. */
  private keepAlive(): void {
    if (this.runs.size > 0 || this.closing) this.thread.ref();
    else this.thread.unref();
  }

  private fail(what: string, cause?: unknown): void {
    this.failure ??= new DeviceError(`device ${this.device}`, `The thread of ${this.name} ${what}`, {
      cause,
    });
    this.opening?.reject(this.failure);
    for (const { reject } of this.runs.values()) reject(this.failure);
    this.runs.clear();
  }

  private refusal({ stage, message }: Extract<FromWorker, { type: 'failed' }>): Error {
    if (stage === 'model') return refused(this.name, message);
    return new DeviceError(`device ${this.device}`, `It is not there or does not work: ${message}`, {
      remedy: 'Choose another --device, or see the README on GPUs.',
    });
  }
}

function ownsBuffer({ buffer, byteLength }: TensorData): boolean {
  return buffer instanceof ArrayBuffer && byteLength > 0 && buffer.byteLength === byteLength;
}

/** A copy with a buffer of its own. Every typed array shares this `slice`, and only a Buffer has one that copies nothing. */
function copyOf<T extends TensorData>(data: T): T {
  return Uint8Array.prototype.slice.call(data) as T;
}

/**
 * The feeds, and the buffers that go to the worker with them.
 * @param own makes data the worker's own; by default views into larger buffers are copied.
 */
function handOver(
  feeds: Readonly<Record<string, Tensor>>,
  own = (data: TensorData) => (ownsBuffer(data) ? data : copyOf(data)),
): {
  handed: Record<string, Tensor>;
  buffers: ArrayBuffer[];
} {
  const handed: Record<string, Tensor> = {};
  for (const [name, { data, dims }] of Object.entries(feeds)) {
    // A detached buffer that is posted again vanishes without an answer.
    if (data.length === 0 && !dims.includes(0)) {
      throw new Error(`The array of input ${name} is empty, as it is after a run that it was handed to.`);
    }
    handed[name] = { data: own(data), dims };
  }
  const buffers = new Set(Object.values(handed).map(({ data }) => data.buffer as ArrayBuffer));
  return { handed, buffers: [...buffers] };
}
