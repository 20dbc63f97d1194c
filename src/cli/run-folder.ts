/**
 * The folder of a training: encoder.onnx (the best so far) and encoder-last.onnx, checkpoint/, metrics.jsonl, TensorBoard
 * events, run.json. A checkpoint is a pair of files; the record that names the other is written last, so that whatever
 * ends the process, one whole pair is there. What was logged behind a checkpoint is cut off when it is gone on from.
 */
import { type FileHandle, open, readdir, rm, stat, truncate } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { TonnoError } from '../errors.ts';
import { eventFileHeader, eventFileName, scalarEvent } from '../formats/tensorboard.ts';
import type { TrainingGraph } from '../training/graph.ts';
import { decodeState, encodeState, type StateRecord, type TrainingState } from '../training/state.ts';
import type { TrainingStore } from '../training/trainer.ts';
import { jsonBytes, onFile, parseJson, prepareFolder, readBytes, writeWhole } from './files.ts';

export const RUN_RECORD = 'run.json';
export const BEST_ENCODER = 'encoder.onnx';
const LAST_ENCODER = 'encoder-last.onnx';
const METRICS = 'metrics.jsonl';
const CHECKPOINT = 'checkpoint';
const STATE = 'state.json';

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
    const known = Object.entries(checkpoint?.logs ?? {});
    for (const [file, length] of known) await cutTo(join(path, file), length);
    const events =
      known.map(([file]) => file).find((file) => file !== METRICS) ??
      eventFileName(Date.now() / 1000, hostname());
    const logs = new Map<string, FileHandle>();
    for (const file of [METRICS, events]) {
      logs.set(file, await onFile(join(path, file), () => open(join(path, file), checkpoint ? 'a' : 'w')));
    }
    const folder = new RunFolder(path, logs);
    if (!checkpoint) await folder.append(events, eventFileHeader(Date.now() / 1000));
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

  /** Undefined where a run was stopped before its first checkpoint. */
  static async read(run: string): Promise<Checkpoint | undefined> {
    const path = join(run, CHECKPOINT, STATE);
    if (!(await exists(path))) return undefined;
    const record = await readRecord<StateFile>(path);
    if (typeof record.tensors !== 'string' || typeof record.step !== 'number') throw damaged(path);
    const tensors = join(run, CHECKPOINT, record.tensors);
    return new Checkpoint(record, tensors, await readBytes(tensors));
  }

  /** The running statistics of batch norms, which are part of a network whose norms are frozen. */
  running(): ReadonlyMap<string, Float32Array> {
    return decodeState(this.bytes, this.path, this.record, []).running;
  }

  state({ parameters }: Pick<TrainingGraph, 'parameters'>): TrainingState {
    return decodeState(this.bytes, this.path, this.record, parameters);
  }
}

/** A JSON record of a run. @throws TonnoError when it is none. */
export async function readRecord<T>(path: string): Promise<T> {
  const bytes = await readBytes(path);
  let record: unknown;
  try {
    record = parseJson(bytes);
  } catch {
    throw damaged(path);
  }
  if (typeof record !== 'object' || record === null) throw damaged(path);
  return record as T;
}

function damaged(path: string): TonnoError {
  return new TonnoError(path, 'This is no record of a run, or it is damaged.', {
    remedy: 'Start the training again in another folder.',
  });
}

export async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    return onFile(path, () => Promise.reject(error));
  }
}

/** Cuts off what was written behind a checkpoint; a log that is gone or shorter begins anew from where it is. */
async function cutTo(path: string, length: number): Promise<void> {
  if (!(await exists(path))) return;
  await onFile(path, async () => {
    if ((await stat(path)).size > length) await truncate(path, length);
  });
}
