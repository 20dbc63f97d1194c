/**
 * The one engine behind one small interface. A session runs an ONNX model on a device; where and in how many
 * threads is its own affair. `runtime/node.ts` and `runtime/web.ts` open sessions; everything above only sees this.
 */

export type TensorData = Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;

/** A dense tensor in C order. Its type is that of its array; Uint8Array is uint8, BigInt64Array int64. */
export interface Tensor {
  readonly data: TensorData;
  readonly dims: readonly number[];
}

export interface Session {
  /** The device that computes, never one that was not asked for. */
  readonly device: Device;
  /** How many runs can be under way at once with profit; more are queued. */
  readonly lanes: number;
  /** True when some operators of the model run on the CPU although the device is another. */
  readonly partlyOnCpu: boolean;
  /**
   * Runs the model. The arrays of the feeds are handed over: they must not be touched afterwards, and in Node those
   * that fill their buffers are empty then.
   * @param fetches names of the outputs wanted; all when absent.
   * @throws EncoderError when the feeds do not fit the model or the engine fails; the session goes on. Also after `close`.
   * @throws DeviceError when the engine's thread is gone.
   */
  run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Record<string, Tensor>>;
  /**
   * Keeps tensors that every later run is fed besides its own feeds, as weights are that change from step to step. They
   * are copied; a tensor held again replaces the one of its name. Runs that were asked for before are not touched.
   */
  hold(tensors: Readonly<Record<string, Tensor>>): void;
  /** Waits for the runs under way and frees the engine. Closing twice does no harm. */
  close(): Promise<void>;
}

/** Devices a user may name; `auto` takes the first of them that is there and says which. */
export const devices = ['cpu', 'webgpu', 'cuda', 'coreml', 'dml'] as const;
export type Device = (typeof devices)[number];

export interface SessionOptions {
  readonly device?: Device | 'auto';
  /** Threads on a CPU; the number of cores by default. */
  readonly threads?: number;
  /** How many runs share the threads of a CPU at most; as many as there are threads by default. */
  readonly lanes?: number;
  /**
   * False for graphs whose weights are fed: the engine then leaves out the memory layout of its own that pays for
   * weights it can rearrange once, and in such graphs costs more than it gains.
   */
  readonly constantWeights?: boolean;
  /** Named in errors. */
  readonly name?: string;
}
