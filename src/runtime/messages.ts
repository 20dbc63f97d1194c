/** What the main thread and an encoder's worker say to one another. */
import type { Tensor } from './session.ts';

export interface OpenMessage {
  readonly type: 'open';
  readonly model: Uint8Array;
  readonly provider: string;
  readonly threads: number;
  /** The engine's own memory layout where it helps; see SessionOptions.constantWeights. */
  readonly ownLayout: boolean;
  /** Checked first, alone and without the CPU's help; absent for the CPU. */
  readonly probe?: Uint8Array;
}

export interface RunMessage {
  readonly type: 'run';
  readonly id: number;
  readonly feeds: Readonly<Record<string, Tensor>>;
  readonly fetches: readonly string[] | undefined;
}

/** Tensors for all runs that follow. */
export interface HoldMessage {
  readonly type: 'hold';
  readonly tensors: Readonly<Record<string, Tensor>>;
}

export type ToWorker = OpenMessage | RunMessage | HoldMessage | { readonly type: 'close' };

export type FromWorker =
  | { readonly type: 'ready'; readonly partlyOnCpu: boolean }
  /** `stage` tells a missing device from a model that the engine refuses. */
  | { readonly type: 'failed'; readonly stage: 'device' | 'model'; readonly message: string }
  | { readonly type: 'done'; readonly id: number; readonly outputs: Record<string, Tensor> }
  | { readonly type: 'error'; readonly id: number; readonly message: string };
