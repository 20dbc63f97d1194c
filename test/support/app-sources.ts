/** Files as the page gives them to the desk. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Source } from '../../src/app/protocol.ts';
import { encodeNifti } from '../../src/formats/nifti.ts';
import type { Volume } from '../../src/volume/volume.ts';
import { type DicomElements, dicomFile } from './dicom.ts';

export const FIXTURES = fileURLToPath(new URL('../fixtures/', import.meta.url));

/** A file of test/fixtures, under its own name unless another is given. */
export function fixtureSource(path: string, name = path.split('/').at(-1) ?? path): Source {
  return { name, file: new Blob([readFileSync(FIXTURES + path)]) };
}

/** All files of a folder in test/fixtures, as when it is dropped. */
export function fixtureFolder(path: string, name = path.split('/').at(-1) ?? path): Source[] {
  return readdirSync(FIXTURES + path).map((file) => fixtureSource(`${path}/${file}`, `${name}/${file}`));
}

export function bytesSource(name: string, bytes: Uint8Array | string): Source {
  return { name, file: new Blob([typeof bytes === 'string' ? bytes : Uint8Array.from(bytes)]) };
}

export function dicomSource(name: string, elements: DicomElements): Source {
  return bytesSource(name, dicomFile(elements));
}

export async function niftiSource(name: string, volume: Volume): Promise<Source> {
  return bytesSource(name, await encodeNifti(volume, { datatype: 'float32', gzip: name.endsWith('.gz') }));
}
