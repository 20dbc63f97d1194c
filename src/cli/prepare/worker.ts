/**
 * What a thread does with a study: an adapter prepares it, and its volumes become the bytes of files. Nothing is written
 * here, so that a thread can be ended at any time and leave nothing half-done.
 */
import { gzipSync } from 'node:zlib';
import type { AdapterSettings, PreparedCase, Study } from '../../datasets/adapter.ts';
import { adapters } from '../../datasets/adapters.ts';
import { checkPrepared } from '../../datasets/prepared.ts';
import { TonnoError } from '../../errors.ts';
import { encodeNifti, type NiftiEncodeOptions } from '../../formats/nifti.ts';
import type { Reply } from '../../runtime/crew.ts';
import { VERSION } from '../../version.ts';
import type { Box } from '../../volume/crop.ts';
import type { Volume } from '../../volume/volume.ts';
import { messageOf } from '../run.ts';
import { sourceFolder } from '../source-folder.ts';
import type { VolumeOptions } from '../volumes.ts';
import { IMAGES, MASKS } from './folder.ts';

/** One study to be prepared. */
export interface StudyMessage {
  /** Name of the adapter. */
  readonly adapter: string;
  readonly source: string;
  readonly settings: AdapterSettings;
  readonly volumes: VolumeOptions;
  readonly classes: readonly string[];
  readonly channels: readonly string[];
  readonly study: Study;
  /** Not 0 when the work is not wanted any more. */
  readonly stop: Int32Array<SharedArrayBuffer>;
}

/** A case whose files are still bytes. */
export interface EncodedCase {
  readonly name: string;
  readonly labels: readonly number[];
  /** Paths from the cohort's folder, one for each channel. */
  readonly images: readonly string[];
  readonly mask?: string;
  readonly box?: Box;
}

export type StudyAnswer =
  | {
      readonly cases: readonly EncodedCase[];
      /** By their paths in the cohort's folder. */
      readonly files: Readonly<Record<string, Uint8Array>>;
      /** What must be looked at, as sentences. */
      readonly warnings: readonly string[];
      /** How volumes were read, as sentences that name none. */
      readonly remarks: readonly string[];
    }
  /** Why there is nothing, as sentences. */
  | { readonly problem: string };

/** Milliseconds between looks at `stop`. */
const LOOK_EVERY = 50;
/** From here on bytes are packed in pieces: Node has no array of 4 GiB. */
const LARGE = 2 ** 31;

export async function handle(message: unknown): Promise<Reply> {
  const { stop } = message as StudyMessage;
  const controller = new AbortController();
  const timer = setInterval(() => Atomics.load(stop, 0) !== 0 && controller.abort(), LOOK_EVERY);
  try {
    const value = await prepareStudy(message as StudyMessage, controller.signal);
    const files = 'files' in value ? Object.values(value.files) : [];
    return { value, transfer: files.map(({ buffer }) => buffer as ArrayBuffer) };
  } catch (error) {
    return { value: { problem: problemOf(error) } satisfies StudyAnswer };
  } finally {
    clearInterval(timer);
  }
}

async function prepareStudy(message: StudyMessage, signal: AbortSignal): Promise<StudyAnswer> {
  const { study, settings, channels } = message;
  const warnings: string[] = [];
  const remarks = new Set<string>();
  const folder = sourceFolder(message.source, { ...message.volumes, signal }, (path, read) => {
    const { notFinite, notes } = read;
    if (notFinite > 0) warnings.push(`${path}: ${notFinite} voxels that were not finite are 0 now.`);
    for (const note of notes) remarks.add(note);
  });
  const prepared = await adapters[message.adapter].prepare(study, folder, settings, signal);
  checkPrepared(prepared, message);
  const cases: EncodedCase[] = [];
  const files: Record<string, Uint8Array> = {};
  const endings = fileEndings(channels);
  for (const one of prepared) {
    const encode = (volume: Volume, datatype: NiftiEncodeOptions['datatype']) =>
      packed(volume, { datatype, description: `tonno ${VERSION} ${message.adapter} ${one.name}`, signal });
    const images = endings.map((ending) => `${IMAGES}/${one.name}_${ending}.nii.gz`);
    for (const [i, path] of images.entries())
      files[path] = await encode(one.images[i], datatypeOf(one.images[i]));
    const mask = maskOf(one);
    const path = mask && `${MASKS}/${one.name}_mask.nii.gz`;
    if (path) files[path] = await encode(mask, 'uint8');
    warnings.push(...(one.notes ?? []).map((note) => `${one.name}: ${note}`));
    cases.push({ name: one.name, labels: one.labels, images, mask: path, box: one.box });
  }
  return { cases, files, warnings, remarks: [...remarks] };
}

/** An empty mask says no more than none. */
function maskOf({ mask }: PreparedCase): Volume | undefined {
  return mask?.data.includes(1) ? mask : undefined;
}

/** Of two types that hold the values as they are, the smaller one. */
function datatypeOf({ data }: Volume): 'int16' | 'float32' {
  const whole = new Int16Array(1);
  for (const value of data) {
    whole[0] = value;
    if (whole[0] !== value) return 'float32';
  }
  return 'int16';
}

/**
 * Packed in this thread: the streams that encodeNifti packs with share four threads among all that prepare. Buffers that
 * are handed over must be their own.
 */
async function packed(volume: Volume, options: NiftiEncodeOptions): Promise<Uint8Array> {
  if (volume.data.byteLength >= LARGE) return encodeNifti(volume, { ...options, gzip: true });
  const bytes = gzipSync(await encodeNifti(volume, options));
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/** Names of channels, fit for files and none like another. */
export function fileEndings(channels: readonly string[]): string[] {
  const plain = channels.map((channel) => channel.replace(/[^\p{L}\p{M}\p{N}.-]+/gu, '-') || 'channel');
  const keys = plain.map((name) => name.toLowerCase());
  const alike = keys.some((key, i) => keys.indexOf(key) !== i);
  return alike ? plain.map((name, i) => `${i}-${name}`) : plain;
}

function problemOf(error: unknown): string {
  if (error instanceof RangeError && /allocation failed|array length|buffer/i.test(error.message)) {
    return new TonnoError('study', `There is no memory for its volumes (${error.message}).`, {
      remedy: 'Prepare fewer at a time with --jobs.',
    }).message.replace(/^study: /, '');
  }
  return messageOf(error);
}
