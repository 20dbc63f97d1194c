/**
 * What an .onnx file says about itself in `metadata_props`, under keys that begin with `tonno.`: how its inputs are
 * prepared, what its classes are called, which layers are worth a class activation map. Values are JSON except for
 * the texts. A file may say all, some or nothing of it; what it says wrongly is refused, because a misspelled
 * setting that is passed over gives a wrong heatmap.
 */
import { create } from '@bufbuild/protobuf';
import { type ModelProto, StringStringEntryProtoSchema } from 'onnx-buf';
import { EncoderError } from '../errors.ts';
import { copyWith, metadataProperties } from '../onnx/model.ts';
import type { Preprocessing } from './preprocessing.ts';

export interface EncoderMetadata {
  /** `tonno.name`: what the encoder is called, in one line. */
  readonly name?: string;
  /** `tonno.description`: where it comes from and what it is for. */
  readonly description?: string;
  /** `tonno.preprocessing`: the settings that differ from the default. */
  readonly preprocessing?: Partial<Preprocessing>;
  /** `tonno.classes`: one name for each output. */
  readonly classes?: readonly string[];
  /** `tonno.layers`: tensors for class activation maps, from the image on. */
  readonly layers?: readonly string[];
  /** `tonno.version`: the program that trained it, e.g. `tonno 0.1.0`. */
  readonly version?: string;
  /** `tonno.seed`: of the training. */
  readonly seed?: number;
}

/**
 * @param name the file's name, for errors.
 * @throws EncoderError when a value is no JSON or of the wrong form; the sentence names the key.
 */
export function readMetadata(model: ModelProto, name: string): EncoderMetadata {
  const properties = metadataProperties(model);
  const found: Record<string, unknown> = {};
  for (const [key, { json, check, form }] of Object.entries(fields)) {
    const text = properties[`tonno.${key}`];
    if (text === undefined) continue;
    const value = json ? parse(text) : text;
    const fault = value === undefined ? 'is no JSON' : check(value);
    if (fault) {
      throw new EncoderError(name, `The value of "tonno.${key}" in its metadata ${fault}.`, {
        remedy: `It must be ${form}.`,
      });
    }
    found[key] = value;
  }
  return found;
}

/** The model with these keys set; keys that `metadata` leaves out stay as they are. */
export function withMetadata(model: ModelProto, metadata: EncoderMetadata): ModelProto {
  const entries = Object.entries(metadata)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ({
      key: `tonno.${key}`,
      value: fields[key].json ? JSON.stringify(value) : `${value}`,
    }));
  const replaced = new Set(entries.map(({ key }) => key));
  return copyWith(model, {
    metadataProps: [
      ...model.metadataProps.filter(({ key }) => !replaced.has(key)),
      ...entries.map((entry) => create(StringStringEntryProtoSchema, entry)),
    ],
  });
}

interface Field {
  readonly json: boolean;
  /** What is wrong with a value, as the end of a sentence; empty when nothing is. */
  readonly check: (value: unknown) => string;
  /** What a value must be, as the end of a sentence. */
  readonly form: string;
}

const text: Field = { json: false, check: () => '', form: 'a text' };
const names: Field = {
  json: true,
  check: (value) => (isListOf(value, 'string') ? '' : 'is no list of names'),
  form: 'a JSON array of strings, such as ["lesion"]',
};

const fields: Readonly<Record<string, Field>> = {
  name: text,
  description: text,
  preprocessing: {
    json: true,
    check: preprocessingFault,
    form: 'a JSON object such as {"normalise": "zscore", "scale": [1], "mean": [0], "std": [1], "outside": "minimum", "crop": {"channel": 0, "above": 0.2}}',
  },
  classes: names,
  layers: names,
  version: text,
  seed: {
    json: true,
    check: (value) => (Number.isInteger(value) ? '' : 'is no whole number'),
    form: 'a whole number',
  },
};

const isNumbers = (value: unknown) => isListOf(value, 'number');
const preprocessingFields: Readonly<Record<keyof Preprocessing, (value: unknown) => boolean>> = {
  normalise: (value) => value === 'none' || value === 'zscore' || value === 'range',
  scale: isNumbers,
  mean: isNumbers,
  std: isNumbers,
  outside: (value) => typeof value === 'number' || value === 'minimum',
  crop: isCrop,
};

/** What is wrong with settings of preprocessing that were read somewhere, as the end of a sentence; empty when nothing is. */
export function preprocessingFault(value: unknown): string {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is no JSON object';
  for (const [key, entry] of Object.entries(value)) {
    if (!Object.hasOwn(preprocessingFields, key)) return `has a setting "${key}", which is none`;
    if (!preprocessingFields[key as keyof Preprocessing](entry)) {
      return `has ${JSON.stringify(entry)} for "${key}"`;
    }
  }
  return '';
}

function isCrop(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { channel, above, ...more } = value as Record<string, unknown>;
  const whole = typeof channel === 'number' && Number.isInteger(channel) && channel >= 0;
  return whole && typeof above === 'number' && Object.keys(more).length === 0;
}

function isListOf(value: unknown, type: 'string' | 'number'): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((entry) => typeof entry === type);
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}
