/**
 * Cases that are opened on the desk, worked on by hand and saved, for the golden values of what is saved and for the script that
 * makes these. The heatmap is the image itself, so that another program knows where its lesions lie without any of our code:
 * of the lesions at two thresholds the one with the highest maximum is rejected, the next one is accepted and loses its peak.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { Desk } from '../../src/app/desk/desk.ts';
import type { SavedFile, Source } from '../../src/app/protocol.ts';

const FIXTURES = new URL('../fixtures/', import.meta.url);

interface WorkedCase {
  /** A file, or a folder with one DICOM series, below test/fixtures. */
  readonly path: string;
  readonly low: number;
  readonly high: number;
}

/** Oblique grids: sform and qform that agree, that contradict each other, NIfTI-2; series of one file a slice, of many frames. */
export const WORKED = {
  'int16-sform': { path: 'nifti/int16-sform.nii', low: 92, high: 110 },
  'int16-big': { path: 'nifti/int16-big.nii', low: 95, high: 110 },
  'float64-v2': { path: 'nifti/float64-v2.nii', low: 112, high: 150 },
  axial: { path: 'dicom-seg/axial', low: 1179, high: 1199 },
  coronal: { path: 'dicom-seg/coronal', low: 1146, high: 1157 },
  multiframe: { path: 'dicom-seg/multiframe', low: 1048, high: 1055.5 },
} as const satisfies Readonly<Record<string, WorkedCase>>;

export type WorkedName = keyof typeof WORKED;

export function isDicom(name: WorkedName): boolean {
  return WORKED[name].path.startsWith('dicom');
}

/** The case's files as they come from a page. */
export function sources(path: string): Source[] {
  const url = new URL(path, FIXTURES);
  const base = path.split('/').at(-1) ?? path;
  const source = (at: URL, name: string): Source => ({ name, file: new Blob([readFileSync(at)]) });
  if (/\.nii$/.test(path)) return [source(url, base)];
  return readdirSync(url).map((file) => source(new URL(`${path}/${file}`, FIXTURES), `${base}/${file}`));
}

/** The case with its heatmap on the desk, thresholds laid. */
export async function openWorked(name: WorkedName): Promise<Desk> {
  const { path, low, high } = WORKED[name];
  const desk = new Desk();
  await desk.open(sources(path));
  const { data } = await desk.volume();
  const record = {
    method: 'averaged-cam',
    cam: 'layercam',
    layer: { name: 'layer 2' },
    seed: 5,
    heatmap: { file: 'as it was made.nii.gz', minimum: -1, maximum: 1, note: 'kept' },
  };
  await desk.putHeatmap({ id: 'own', title: 'Averaged LayerCAM, layer 2', data, record });
  await desk.threshold({ low, high });
  return desk;
}

/** What a person does to it. */
export async function workOn(desk: Desk, { low, high }: Pick<WorkedCase, 'low' | 'high'>): Promise<void> {
  const { lesions } = await desk.threshold({ low, high });
  await desk.decide(lesions[0].number, 'rejected');
  await desk.decide(lesions[1].number, 'accepted');
  await desk.paint({ points: [lesions[1].peak], radius: 0.01, tool: 'erase' });
}

/** All that can be saved of the case. */
export async function saveWorked(name: WorkedName): Promise<SavedFile[]> {
  const desk = await openWorked(name);
  await workOn(desk, WORKED[name]);
  const kinds = isDicom(name) ? (['mask', 'heatmap', 'dicom-seg'] as const) : (['mask', 'heatmap'] as const);
  const saved: SavedFile[] = [];
  for (const kind of kinds) saved.push(...(await desk.save(kind)));
  return saved;
}
