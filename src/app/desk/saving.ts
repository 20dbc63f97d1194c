/**
 * What a person takes away from the page: mask, heatmap or DICOM Segmentation, each with a sidecar that says what it was made
 * of and what a person changed. Everything lies where the volume lies; a NIfTI input's placement is carried bit for bit.
 */
import { UsageError } from '../../errors.ts';
import { encodeSegmentation } from '../../formats/dicom/segmentation.ts';
import type { DecodedDicom } from '../../formats/dicom/series.ts';
import type { VoxelEncodeOptions } from '../../formats/encoding.ts';
import { niftiPieces } from '../../formats/nifti.ts';
import { volumeStem } from '../../formats/volume-file.ts';
import { type MethodName, methods } from '../../reconstruction/methods.ts';
import { heatmapEntities } from '../../reconstruction/record.ts';
import { csvBytes } from '../../report/csv.ts';
import { lesionTable } from '../../report/lesion-table.ts';
import { VERSION } from '../../version.ts';
import { type Volume, voxelCount } from '../../volume/volume.ts';
import type { CaseInfo, FoundLesion, HeatmapInfo, SavedFile, SaveKind } from '../protocol.ts';
import type { Findings } from './findings.ts';

/** What there is to save. */
export interface SaveParts {
  readonly info: CaseInfo;
  readonly volume: Volume;
  /** What the case was decoded from, where it was DICOM. */
  readonly source?: DecodedDicom;
  readonly heatmap: HeatmapInfo & { readonly data: Float32Array };
  readonly findings: Findings;
}

type Saver = (parts: SaveParts, stem: string) => Promise<SavedFile[]>;

const SAVERS: Readonly<Record<SaveKind, Saver>> = {
  mask: saveMask,
  heatmap: saveHeatmap,
  'dicom-seg': saveSegmentation,
};

/**
 * The files of one kind, the sidecar first.
 * @throws UsageError for a DICOM Segmentation of what was no DICOM series; VolumeError where the series lacks what it needs.
 */
export function saveFiles(kind: SaveKind, parts: SaveParts): Promise<SavedFile[]> {
  return SAVERS[kind](parts, volumeStem(parts.info.name.split(/[/\\]/).at(-1) ?? 'volume'));
}

async function saveMask(parts: SaveParts, stem: string): Promise<SavedFile[]> {
  const file = `${stem}_mask.nii.gz`;
  const table = `${stem}_lesions.csv`;
  const description = `tonno ${VERSION} mask`;
  const content = await packed(maskOf(parts), { datatype: 'uint8', description });
  return [
    json(`${stem}_mask.json`, { ...sidecar(parts), mask: { file, ...totals(parts) }, table }),
    { name: table, content: blobOf([csvBytes(lesionTable(kept(parts)))], 'text/csv') },
    { name: file, content },
  ];
}

async function saveHeatmap({ volume, heatmap }: SaveParts, stem: string): Promise<SavedFile[]> {
  const { record } = heatmap;
  const name = entitiesOf(heatmap);
  const file = `${stem}_${name}_heatmap.nii.gz`;
  const { heatmap: own, ...settings } = record;
  const description = `tonno ${VERSION} ${heatmap.title}`;
  const written = { ...volume, channels: 1, data: heatmap.data };
  const content = await packed(written, { datatype: 'float32', description });
  const { minimum, maximum } = heatmap;
  return [
    json(`${stem}_${name}_heatmap.json`, {
      ...settings,
      heatmap: { ...(own ?? {}), file, minimum, maximum },
    }),
    { name: file, content },
  ];
}

async function saveSegmentation(parts: SaveParts, stem: string): Promise<SavedFile[]> {
  const { source, info, findings } = parts;
  if (!source) {
    throw new UsageError(info.name, 'It is no DICOM series, which a DICOM Segmentation refers to.', {
      remedy: 'Save a NIfTI mask, or open the DICOM files of the scan.',
    });
  }
  const file = `${stem}_seg.dcm`;
  const bytes = encodeSegmentation(maskOf(parts), source, {
    label: 'Lesion',
    description: parts.heatmap.title.slice(0, 1024),
    algorithm: { type: findings.touched ? 'SEMIAUTOMATIC' : 'AUTOMATIC', name: `tonno ${VERSION}` },
  });
  return [
    json(`${stem}_seg.json`, { ...sidecar(parts), segmentation: { file, ...totals(parts) } }),
    { name: file, content: blobOf([bytes], 'application/dicom') },
  ];
}

/** Lesions that nobody rejected, by number. */
function kept({ findings }: SaveParts): FoundLesion[] {
  const { lesions } = findings.list;
  return lesions.filter(({ decision }) => decision !== 'rejected').sort((a, b) => a.number - b.number);
}

function maskOf(parts: SaveParts): Volume {
  const { volume, findings } = parts;
  const { runs } = findings;
  const wanted = new Set(kept(parts).map(({ number }) => number));
  const data = new Float32Array(voxelCount(volume.shape));
  for (let run = 0; run < runs.labels.length; run++) {
    if (wanted.has(runs.labels[run])) data.fill(1, runs.starts[run], runs.ends[run]);
  }
  return { data, channels: 1, shape: volume.shape, geometry: volume.geometry };
}

function totals(parts: SaveParts) {
  const lesions = kept(parts);
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  return {
    lesions: lesions.length,
    leftOut: parts.findings.list.lesions.length - lesions.length,
    ...(lesions.length === 0 && { empty: true }),
    voxels: sum(lesions.map(({ voxels }) => voxels)),
    volume: sum(lesions.map(({ volume }) => volume)),
  };
}

/** What a mask was made of, and what a person changed. */
function sidecar({ info, heatmap, findings }: SaveParts) {
  const { low, high, lesions } = findings.list;
  const { title, minimum, maximum, record } = heatmap;
  return {
    software: { name: 'tonno', version: VERSION },
    saved: new Date().toISOString(),
    source: { file: info.name, format: info.format, shape: info.shape, spacing: info.spacing },
    heatmap: { title, minimum, maximum, made: record },
    high,
    low,
    connectivity: 26,
    lesions,
    changedByHand: { any: findings.touched, ...findings.changes() },
  };
}

/** As the command line names it by its record; by its title where that is another program's. */
function entitiesOf({ title, record }: HeatmapInfo): string {
  const { method, cam, layer } = record as { method?: MethodName; cam?: string; layer?: { name?: string } };
  if (method === undefined || !(method in methods)) {
    const words = title.toLowerCase().match(/[a-z0-9]+/g) ?? ['unnamed'];
    return `desc-${words.join('-')}`;
  }
  const entities = { ...(cam && { cam }), ...(layer?.name && { layer: layer.name }) };
  return heatmapEntities({ plan: { method }, entities });
}

function json(name: string, record: object): SavedFile {
  const text = `${JSON.stringify(record, undefined, 2)}\n`;
  return { name, content: new Blob([text], { type: 'application/json' }) };
}

/** Bytes that are held here before the browser has them. */
const HELD = 8 * 2 ** 20;

/**
 * A .nii.gz file. A large heatmap's is nearly as large as the heatmap, of which the page has several already: so the
 * browser, which may put them on the disk, takes its bytes as they come.
 */
async function packed(volume: Volume, options: VoxelEncodeOptions): Promise<Blob> {
  const taken: Blob[] = [];
  let pieces: Uint8Array<ArrayBuffer>[] = [];
  let held = 0;
  for await (const piece of niftiPieces(volume, options)) {
    pieces.push(piece);
    held += piece.length;
    if (held < HELD) continue;
    taken.push(new Blob(pieces));
    pieces = [];
    held = 0;
  }
  return new Blob([...taken, ...pieces], { type: 'application/gzip' });
}

function blobOf(parts: readonly Uint8Array[], type: string): Blob {
  return new Blob(parts as Uint8Array<ArrayBuffer>[], { type });
}
