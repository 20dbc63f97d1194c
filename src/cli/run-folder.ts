/**
 * The folder of a training: encoder.onnx (the best so far) and encoder-last.onnx, checkpoint/, metrics.jsonl, TensorBoard
 * events, run.json. A checkpoint is a pair of files; the record that names the other is written last, so that whatever
 * ends the process, one whole pair is there. What was logged behind a checkpoint is cut off when it is gone on from.
 */
import { type FileHandle, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { TonnoError } from '../errors.ts';
import { readSafetensors } from '../formats/safetensors.ts';
import { eventFileHeader, eventFileName, scalarEvent } from '../formats/tensorboard.ts';
import type { TrainingGraph } from '../training/graph.ts';
import {
  type Best,
  decodeState,
  encodeState,
  type StateRecord,
  type TrainingState,
} from '../training/state.ts';
import type { TrainingStore } from '../training/trainer.ts';
import { exists, jsonBytes, onFile, prepareFolder, readBytes, readRecord, writeWhole } from './files.ts';

export const RUN_RECORD = 'run.json';
export const BEST_ENCODER = 'encoder.onnx';
export const LAST_ENCODER = 'encoder-last.onnx';
export const METRICS = 'metrics.jsonl';
const CHECKPOINT = 'checkpoint';
const STATE = 'state.json';

/** What run.json must say for a run to be gone on with; it says more for those who read it. */
export interface RunRecord {
  readonly status: 'running' | 'done' | 'stopped early' | 'interrupted' | 'failed';
  /** Steps done when it was written. */
  readonly step: number;
  readonly best?: Best;
  readonly options: Readonly<Record<string, unknown>>;
  readonly cohort: { readonly sha256: string; readonly [more: string]: unknown };
  readonly network: { readonly sha256?: string };
  /** How values become the network's. */
  readonly preprocessing?: unknown;
  /** All its parts together. */
  readonly seconds: number;
}

/** Undefined where there is none. @throws TonnoError when it is damaged. */
export async function readRunRecord(run: string): Promise<RunRecord | undefined> {
  const path = join(run, RUN_RECORD);
  if (!(await exists(path))) return undefined;
  const problem = 'This is no record of a run, or it is damaged.';
  const record = await readRecord(path, problem, damaged(path, problem));
  if (!isRunRecord(record)) throw damaged(path, problem);
  return record;
}

export function writeRunRecord(
  run: string,
  record: RunRecord & Readonly<Record<string, unknown>>,
): Promise<void> {
  return writeWhole({ [join(run, RUN_RECORD)]: jsonBytes(record) });
}

function isRunRecord(record: unknown): record is RunRecord {
  if (!isObject(record)) return false;
  const { status, options, cohort, network, seconds } = record as Partial<RunRecord>;
  return (
    typeof status === 'string' &&
    typeof seconds === 'number' &&
    isObject(options) &&
    isObject(network) &&
    typeof cohort?.sha256 === 'string'
  );
}

/** What state.json holds. */
interface StateFile extends StateRecord {
  /** Name of the safetensors file beside it. */
  readonly tensors: string;
  /** Bytes of the logs that belong to it. */
  readonly logs: Readonly<Record<string, number>>;
}

export class RunFolder implements TrainingStore {
  readonly path: string;
  private readonly logs: ReadonlyMap<string, FileHandle>;

  private constructor(path: string, logs: ReadonlyMap<string, FileHandle>) {
    this.path = path;
    this.logs = logs;
  }

  /** Opens the folder for a training from the start, or from its checkpoint. Close it in the end. */
  static async open(path: string, checkpoint?: Checkpoint): Promise<RunFolder> {
    await prepareFolder(join(path, CHECKPOINT));
    await removeLeftovers(path, checkpoint ? isTemporary : (name) => isTemporary(name) || isEventFile(name));
    await removeLeftovers(join(path, CHECKPOINT), isTemporary);
    const known = Object.entries(checkpoint?.logs ?? {});
    for (const [file, length] of known) await cutTo(join(path, file), length);
    const events =
      known.map(([file]) => file).find(isEventFile) ?? eventFileName(Date.now() / 1000, hostname());
    const logs = new Map<string, FileHandle>();
    for (const file of [METRICS, events]) {
      logs.set(file, await onFile(join(path, file), () => open(join(path, file), checkpoint ? 'a' : 'w')));
    }
    const folder = new RunFolder(path, logs);
    // Also where somebody has removed the file of a run that is gone on with.
    const { size } = await logs.get(events)!.stat();
    if (size === 0) await folder.append(events, eventFileHeader(Date.now() / 1000));
    return folder;
  }

  file(name: string): string {
    return join(this.path, name);
  }

  async saveState(state: TrainingState, { parameters }: TrainingGraph): Promise<void> {
    const { tensors, record } = encodeState(state, parameters);
    const name = `state-${String(state.step).padStart(8, '0')}.safetensors`;
    const logs: Record<string, number> = {};
    for (const [file, handle] of this.logs) {
      logs[file] = await onFile(this.file(file), async () => (await handle.stat()).size);
    }
    const folder = this.file(CHECKPOINT);
    await writeWhole({ [join(folder, name)]: tensors });
    await writeWhole({ [join(folder, STATE)]: jsonBytes({ ...record, tensors: name, logs }) });
    for (const old of await readdir(folder)) {
      if (/^state-\d+\.safetensors$/.test(old) && old !== name) await rm(join(folder, old), { force: true });
    }
  }

  async saveEncoder(which: 'best' | 'last', model: Uint8Array): Promise<void> {
    await writeWhole({ [this.file(which === 'best' ? BEST_ENCODER : LAST_ENCODER)]: model });
  }

  async log(step: number, metrics: Readonly<Record<string, number>>): Promise<void> {
    for (const file of this.logs.keys()) {
      await this.append(
        file,
        file === METRICS
          ? new TextEncoder().encode(`${JSON.stringify({ step, ...metrics })}\n`)
          : scalarEvent(step, Date.now() / 1000, metrics),
      );
    }
  }

  async close(): Promise<void> {
    for (const handle of this.logs.values()) await handle.close();
  }

  private append(file: string, bytes: Uint8Array): Promise<void> {
    return onFile(this.file(file), async () => {
      await this.logs.get(file)!.appendFile(bytes);
    });
  }
}

const isEventFile = (name: string) => /^events\.out\.tfevents\..*\.tonno$/.test(name);
/** What a process that was killed had not finished. */
const isTemporary = (name: string) => /^\.(state|encoder|run|probe)\b.*\.\d+\.tmp$/.test(name);

async function removeLeftovers(folder: string, isLeft: (name: string) => boolean): Promise<void> {
  await onFile(folder, async () => {
    for (const name of await readdir(folder)) if (isLeft(name)) await rm(join(folder, name), { force: true });
  });
}

/** A checkpoint on the disk, read when it is known what it must fit. */
export class Checkpoint {
  readonly step: number;
  readonly logs: Readonly<Record<string, number>>;
  private readonly record: StateFile;
  private readonly path: string;
  private readonly bytes: Uint8Array;

  private constructor(record: StateFile, path: string, bytes: Uint8Array) {
    this.step = record.step;
    this.logs = record.logs;
    this.record = record;
    this.path = path;
    this.bytes = bytes;
  }

  /** Whether a run has come to its first checkpoint. */
  static isIn(run: string): Promise<boolean> {
    return exists(join(run, CHECKPOINT, STATE));
  }

  /**
   * Undefined where a run was stopped before its first checkpoint.
   * @throws TonnoError when it is damaged.
   */
  static async read(run: string): Promise<Checkpoint | undefined> {
    if (!(await Checkpoint.isIn(run))) return undefined;
    const path = join(run, CHECKPOINT, STATE);
    const record = await readState(path);
    const tensors = join(run, CHECKPOINT, record.tensors);
    if (!(await exists(tensors))) throw damaged(tensors, 'The weights of the checkpoint are missing.');
    const bytes = await readBytes(tensors);
    try {
      readSafetensors(bytes, tensors);
    } catch (error) {
      throw error instanceof TonnoError ? damaged(tensors, error.problem, error) : error;
    }
    return new Checkpoint(record, tensors, bytes);
  }

  /** The running statistics of batch norms, which are part of a network whose norms are frozen. */
  running(): ReadonlyMap<string, Float32Array> {
    return decodeState(this.bytes, this.path, this.record, []).running;
  }

  state({ parameters }: Pick<TrainingGraph, 'parameters'>): TrainingState {
    return decodeState(this.bytes, this.path, this.record, parameters);
  }
}

function damaged(path: string, problem: string, cause?: unknown): TonnoError {
  return new TonnoError(path, problem, {
    remedy: 'Put it back from a copy, or start the training again in another folder.',
    cause,
  });
}

const isObject = (value: unknown): value is object => typeof value === 'object' && value !== null;

async function readState(path: string): Promise<StateFile> {
  const problem = 'This is no state of a training, or it is damaged.';
  const record = await readRecord(path, problem, damaged(path, problem));
  if (!isStateFile(record)) throw damaged(path, problem);
  return record;
}

function isStateFile(record: unknown): record is StateFile {
  if (!isObject(record)) return false;
  const { step, random, sinceBest, losses, microBatch, tensors, logs } = record as Partial<StateFile>;
  return (
    typeof step === 'number' &&
    Array.isArray(random) &&
    typeof sinceBest === 'number' &&
    Array.isArray(losses) &&
    typeof microBatch === 'number' &&
    typeof tensors === 'string' &&
    isObject(logs)
  );
}

/** Cuts off what was written behind a checkpoint; a log that is gone or shorter begins anew from where it is. */
async function cutTo(path: string, length: number): Promise<void> {
  if (!(await exists(path))) return;
  await onFile(path, async () => {
    if ((await stat(path)).size > length) await truncate(path, length);
  });
}
