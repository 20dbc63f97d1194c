/**
 * What `tonno view` finds in folders. Heatmaps here are no volumes but a few words, so that whoever read one would fail:
 * maxima must come from the records.
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { browse } from '../../../src/cli/serve/browsing/browse.ts';
import type { SharedFiles } from '../../../src/cli/serve/shared-files.ts';
import { parseExperiment } from '../../../src/cli/study/experiment.ts';
import type { Browsed, BrowsedCase } from '../../../src/report/browse.ts';
import { createVolume } from '../../../src/volume/volume.ts';
import { newFolder, temporaryFolder } from '../../support/cli.ts';
import { writeSeries } from '../../support/dicom-files.ts';
import { writeVolume } from '../../support/volumes.ts';

const folder = temporaryFolder();
const windows = process.platform === 'win32';
const tiny = createVolume(
  Float32Array.from({ length: 24 }, (_, i) => i),
  [2, 3, 4],
);

async function volume(...path: string[]): Promise<string> {
  const whole = join(...path);
  mkdirSync(dirname(whole), { recursive: true });
  await writeVolume(whole, tiny);
  return whole;
}

function text(content: unknown, ...path: string[]): string {
  const whole = join(...path);
  mkdirSync(dirname(whole), { recursive: true });
  writeFileSync(whole, typeof content === 'string' ? content : JSON.stringify(content));
  return whole;
}

/** A heatmap that cannot be read, and its record. */
function heatmap(place: string, name: string, record?: object): void {
  text('no volume', place, `${name}_heatmap.nii.gz`);
  if (record) text(record, place, `${name}_heatmap.json`);
}

interface Looked extends Browsed {
  readonly files: SharedFiles;
}

async function look(path: string, label?: string): Promise<Looked> {
  const { browsed, files } = await browse(path, { label, signal: new AbortController().signal });
  const json = JSON.stringify(browsed);
  expect(json).not.toMatch(/null|NaN|Infinity/);
  return { ...(JSON.parse(json) as Browsed), files };
}

/** The path that an address leads to. */
function pathOf(files: SharedFiles, address: string | undefined): string | undefined {
  const body = files.reply(`/${address}`)?.body;
  return body && 'path' in body ? body.path : undefined;
}

const imagePaths = ({ cases, files }: Looked) =>
  cases.map(({ images }) => images.flatMap((image) => image.files.map((address) => pathOf(files, address))));
const names = ({ cases }: Browsed) => cases.map(({ name }) => name);
const caseNamed = ({ cases }: Browsed, wanted: string) =>
  cases.find(({ name }) => name === wanted) as BrowsedCase;

const COHORT = `case,patient,split,label,image,mask
train-1,P0,train,1,images/train-1.nii.gz,
a b,P1,validation,1,images/a.nii.gz,masks/a.nii.gz
c10,P2,validation,0,images/c10.nii.gz,
c9,P2,validation,1,images/c9.nii.gz,masks/c9.nii.gz
`;

async function writeCohort(place: string, table = COHORT): Promise<string> {
  for (const name of ['train-1', 'a', 'c10', 'c9']) await volume(place, 'images', `${name}.nii.gz`);
  for (const name of ['a', 'c9']) await volume(place, 'masks', `${name}.nii.gz`);
  return text(table, place, 'cohort.csv');
}

/** What an evaluation of the three validation cases says. */
function results(name: string, more: object = {}): object {
  const evaluation = {
    settings: {},
    truth: 'masks',
    notes: [],
    summary: { dice: { mean: 0.25, deviation: 0.1 }, f1: { mean: { number: 'NaN' }, deviation: 0 } },
    folds: [
      { fit: ['a b', 'c10'], measure: ['c9'], tunedOn: [], high: 2, low: 1, metrics: {} },
      { fit: ['c9'], measure: ['a b', 'c9'], tunedOn: [], high: 4, low: 3, metrics: {} },
    ],
    cases: [
      { name: 'a b', patient: 'P1', label: 1, maximum: 91, folds: 1, metrics: { dice: 0.5, f1: 0.75 } },
      { name: 'c10', patient: 'P2', label: 0, maximum: 92, folds: 0, metrics: {} },
      {
        name: 'c9',
        patient: 'P2',
        label: 1,
        maximum: 93,
        folds: 2,
        metrics: { dice: { number: 'NaN' }, f1: 0 },
      },
    ],
    ...more,
  };
  return { name, title: 'T', evaluation };
}

/** A study without anything having run: two encoders, ToNNO with one and maps of a layer with the other. */
async function writeStudy(): Promise<string> {
  const study = newFolder(folder, 'study-');
  await writeCohort(join(study, 'cohort', 'phantoms'));
  const tonno = (maximum: number) => ({
    method: 'tonno',
    seed: 0,
    heatmap: { file: 'x', minimum: -1, maximum },
  });
  const cam = { method: 'tomographic-cam', cam: 'layercam', layer: { name: '2' } };
  heatmap(join(study, 'heatmaps/one'), 'a%20b_desc-tonno', tonno(7.5));
  heatmap(join(study, 'heatmaps/one'), 'c10_desc-tonno', tonno(-0.5));
  heatmap(join(study, 'heatmaps/one'), 'c9_desc-tonno', tonno(3));
  for (const stem of ['a%20b', 'c10', 'c9']) {
    heatmap(join(study, 'heatmaps/two'), `${stem}_desc-tomographic-cam_cam-layercam_layer-2`, cam);
  }
  text({ results: [results('desc-tonno')] }, study, 'evaluations/one/metrics.json');
  text(
    { results: [results('desc-tomographic-cam_cam-layercam_layer-2', { summary: { f1: { mean: 0.5 } } })] },
    study,
    'evaluations/two/metrics.json',
  );
  text('model', study, 'encoders/first/encoder-last.onnx');
  const given = text('model', folder, 'given.onnx');
  text(
    {
      software: { name: 'tonno', version: '0', node: '20', engine: 'x' },
      machine: 'x',
      experiment: parseExperiment(
        {
          title: 'By hand',
          cohort: { phantom: {} },
          encoders: [
            { name: 'First', train: {} },
            { name: 'Second', file: given },
          ],
          heatmaps: [{ method: 'tonno' }],
        },
        'x',
      ),
      cohort: 'cohort/phantoms/cohort.csv',
      encoders: [
        { name: 'First', model: 'encoders/first/encoder-last.onnx', description: '', logits: 'x' },
        { name: 'Second', model: given, description: '', logits: 'x' },
      ],
      evaluations: [
        { encoder: 'First', heatmaps: 'heatmaps/one', folder: 'evaluations/one' },
        { encoder: 'Second', heatmaps: 'heatmaps/two', folder: 'evaluations/two' },
      ],
      views: [],
      seconds: {},
    },
    study,
    'study.json',
  );
  return study;
}

describe('a study', () => {
  const TONNO = '0-desc-tonno';
  const CAM = '1-desc-tomographic-cam_cam-layercam_layer-2';
  let study = '';
  let looked: Looked;
  beforeAll(async () => {
    study = await writeStudy();
    looked = await look(study);
  });

  test('has its series with encoder and numbers', () => {
    expect([looked.title, looked.kind, looked.notes]).toEqual(['By hand', 'study', []]);
    expect(looked.series).toEqual([
      { id: TONNO, title: 'ToNNO', encoder: 'First', method: 'tonno', dice: 0.25 },
      {
        id: CAM,
        title: 'Tomographic LayerCAM, layer 2',
        encoder: 'Second',
        method: 'tomographic-cam',
        cam: 'layercam',
        layer: '2',
        f1: 0.5,
      },
    ]);
  });

  test('has the cases of its heatmaps as the table has them', () => {
    expect(
      looked.cases.map(({ name, patient, split, label, mask }) => [name, patient, split, label, mask?.name]),
    ).toEqual([
      ['a b', 'P1', 'validation', 1, 'a.nii.gz'],
      ['c10', 'P2', 'validation', 0, undefined],
      ['c9', 'P2', 'validation', 1, 'c9.nii.gz'],
    ]);
    const at = (name: string) => join(study, 'cohort/phantoms', name);
    expect(imagePaths(looked)).toEqual([
      [at('images/a.nii.gz')],
      [at('images/c10.nii.gz')],
      [at('images/c9.nii.gz')],
    ]);
    expect(pathOf(looked.files, caseNamed(looked, 'a b').mask?.files[0])).toBe(at('masks/a.nii.gz'));
  });

  test('has of each heatmap the maximum of its record, and the numbers of the folds that measured the case', () => {
    const of = (name: string, id: string) => {
      const { file, sidecar, ...numbers } = caseNamed(looked, name).heatmaps[id];
      return [
        basename(String(pathOf(looked.files, file))),
        basename(String(pathOf(looked.files, sidecar))),
        numbers,
      ];
    };
    expect(of('a b', TONNO)).toEqual([
      'a%20b_desc-tonno_heatmap.nii.gz',
      'a%20b_desc-tonno_heatmap.json',
      // Of the fold that measured it, not of the one that it helped to fit.
      { maximum: 7.5, dice: 0.5, f1: 0.75, thresholds: { low: 3, high: 4 } },
    ]);
    expect(of('c10', TONNO)[2]).toEqual({ maximum: -0.5 });
    expect(of('c9', TONNO)[2]).toEqual({ maximum: 3, f1: 0, thresholds: { low: 1, high: 2 } });
    // A record without a maximum: the evaluation has it.
    expect(of('c9', CAM)[2]).toMatchObject({ maximum: 93 });
  });

  test('has its encoders, trained and given', () => {
    expect(looked.encoders.map(({ name, file }) => [name, pathOf(looked.files, file)])).toEqual([
      ['First', join(study, 'encoders/first/encoder-last.onnx')],
      ['Second', join(folder, 'given.onnx')],
    ]);
  });

  test('may be named by its record', async () => {
    const { files, ...named } = await look(join(study, 'study.json'));
    const { files: _, ...whole } = looked;
    expect(named).toEqual(whole);
  });

  test('that has lost parts is shown with what is left, and notes of what is not', async () => {
    const broken = await writeStudy();
    rmSync(join(broken, 'evaluations/one'), { recursive: true });
    rmSync(join(broken, 'heatmaps/one/c10_desc-tonno_heatmap.nii.gz'));
    text('{', broken, 'heatmaps/one/c9_desc-tonno_heatmap.json');
    rmSync(join(broken, 'heatmaps/two'), { recursive: true });
    rmSync(join(broken, 'cohort/phantoms/images/c9.nii.gz'));
    rmSync(join(broken, 'cohort/phantoms/masks'), { recursive: true });
    rmSync(join(broken, 'encoders'), { recursive: true });
    const left = await look(broken);
    expect(left.series).toEqual([{ id: TONNO, title: 'ToNNO', encoder: 'First', method: 'tonno' }]);
    expect(names(left)).toEqual(['a b', 'c10', 'c9']);
    expect(left.cases.map(({ heatmaps }) => Object.values(heatmaps).map(({ maximum }) => maximum))).toEqual([
      [7.5],
      [],
      [undefined],
    ]);
    const { images, heatmaps } = caseNamed(left, 'c9');
    expect(images).toEqual([{ name: 'c9: a heatmap, not its volume', files: [heatmaps[TONNO].file] }]);
    expect(left.encoders.map(({ name }) => name)).toEqual(['Second']);
    const at = (name: string) => join(broken, name);
    expect(left.notes).toEqual([
      `${at('heatmaps/one/c9_desc-tonno_heatmap.json')}: It is not JSON, and does not say what the heatmap beside it is. Make the heatmap again, or take the record away.`,
      `${at('evaluations/one/metrics.json')}: There is no such file or folder. Check the path.`,
      `${at('heatmaps/two')}: There is no such file or folder. Check the path.`,
      'The volume of case c9 cannot be shown: a heatmap of it is in its place.',
      `4 files are not there, or cannot be read: ${[
        at('cohort/phantoms/masks/a.nii.gz'),
        at('cohort/phantoms/images/c9.nii.gz'),
        at('cohort/phantoms/masks/c9.nii.gz'),
      ].join(', ')} and 1 more.`,
    ]);
  });

  test('without its table has cases by what records and numbers say', async () => {
    const moved = await writeStudy();
    const table = join(moved, 'cohort/phantoms/cohort.csv');
    rmSync(table);
    text(
      {
        method: 'tonno',
        input: { file: join(moved, 'cohort/phantoms/images/a.nii.gz') },
        case: { name: 'a b', cohort: table },
      },
      join(moved, 'heatmaps/one/a%20b_desc-tonno_heatmap.json'),
    );
    const left = await look(moved);
    expect(caseNamed(left, 'a b')).toMatchObject({ label: 1, patient: 'P1', images: [{ name: 'a.nii.gz' }] });
    expect(left.cases.map(({ name, label, heatmaps }) => [name, label, Object.keys(heatmaps)])).toEqual([
      ['a b', 1, [TONNO, CAM]],
      ['c9', 1, [TONNO, CAM]],
      ['c10', 0, [TONNO, CAM]],
    ]);
    expect(left.notes).toContain(`${table}: There is no such file or folder. Check the path.`);
  });

  test('whose record is damaged is refused with what to do', async () => {
    const damaged = newFolder(folder);
    text({ evaluations: 3 }, damaged, 'study.json');
    await expect(look(damaged)).rejects.toThrow(
      'It is no record of a study, or it is damaged. Run the experiment',
    );
  });

  test('with numbers that are none has no numbers', async () => {
    const odd = await writeStudy();
    for (const evaluation of [
      { folds: 1 },
      { folds: [null], cases: [], summary: {} },
      { folds: [], cases: [1], summary: {} },
    ]) {
      text(
        { results: [{ name: 'desc-tonno', title: 'T', evaluation }] },
        odd,
        'evaluations/one/metrics.json',
      );
      const { series, cases } = await look(odd);
      expect(series[0]).toEqual({ id: TONNO, title: 'ToNNO', encoder: 'First', method: 'tonno' });
      expect(cases[0].heatmaps[TONNO]).toMatchObject({ maximum: 7.5 });
      expect(cases[0].heatmaps[TONNO].thresholds).toBeUndefined();
    }
  });
});

describe('a training', () => {
  async function writeRun(table: string, file: string | undefined, sha256?: string): Promise<string> {
    const run = newFolder(folder, 'run-');
    const own = createHash('sha256').update(readFileSync(table)).digest('hex');
    text(
      {
        status: 'running',
        step: 1,
        options: {},
        network: {},
        seconds: 1,
        cohort: { file, sha256: sha256 ?? own, train: 1, validation: 3 },
      },
      run,
      'run.json',
    );
    return run;
  }

  test('has the cases of its cohort, both splits, and its encoders', async () => {
    const table = await writeCohort(newFolder(folder));
    const run = await writeRun(table, table);
    text('model', run, 'encoder.onnx');
    text('model', run, 'encoder-last.onnx');
    const looked = await look(run);
    expect(looked).toMatchObject({ title: basename(run), kind: 'run', series: [], notes: [] });
    expect(looked.cases.map(({ name, split, label }) => [name, split, label])).toEqual([
      ['train-1', 'train', 1],
      ['a b', 'validation', 1],
      ['c10', 'validation', 0],
      ['c9', 'validation', 1],
    ]);
    expect(looked.encoders.map(({ name, file }) => [name, pathOf(looked.files, file)])).toEqual([
      [`${basename(run)}, best`, join(run, 'encoder.onnx')],
      [`${basename(run)}, last`, join(run, 'encoder-last.onnx')],
    ]);
  });

  test('says when its cohort has changed or gone, and when it has no encoder yet', async () => {
    const table = await writeCohort(newFolder(folder));
    const run = await writeRun(table, table, 'other');
    expect((await look(run)).notes).toEqual([
      `${table} has changed since the training.`,
      `There is no encoder in ${run} yet.`,
    ]);
    for (const [file, said] of [
      ['gone/cohort.csv', 'gone/cohort.csv'],
      [undefined, 'its record names none'],
    ]) {
      const { cases, notes } = await look(await writeRun(table, file));
      expect(cases).toEqual([]);
      expect(notes).toContain(`The table that the training learned from is not there: ${said}.`);
    }
  });
});

describe('a cohort', () => {
  test('is its table, by name or in its folder, with the encoders beside it', async () => {
    const place = newFolder(folder, 'cohort-');
    const table = await writeCohort(place);
    text('model', place, 'mine.onnx');
    const [named, inside] = [await look(table), await look(place)];
    expect({ ...named, files: 0 }).toEqual({ ...inside, files: 0 });
    expect(named).toMatchObject({
      title: `${basename(place)}/cohort.csv`,
      kind: 'cohort',
      series: [],
      notes: [],
    });
    expect(names(named)).toEqual(['train-1', 'a b', 'c10', 'c9']);
    expect(named.encoders).toEqual([
      { name: 'mine.onnx', file: expect.stringMatching(/^files\/\d+\/mine\.onnx$/) },
    ]);
  });

  test('may name files anywhere, of several channels and as DICOM folders', async () => {
    const place = newFolder(folder);
    const elsewhere = newFolder(folder);
    const [up, far] = [await volume(elsewhere, 'up.nii'), await volume(elsewhere, 'far.nii.gz')];
    writeSeries(join(place, 'series'), { planes: 3 });
    text('list of slices', place, 'series', 'README');
    const rows = [
      'case,patient,split,label,image',
      `up,,train,0,../${basename(elsewhere)}/up.nii;${far}`,
      'dicom,,train,1,series;series',
    ];
    const looked = await look(text(rows.join('\n'), place, 'table.csv'));
    expect(looked.notes).toEqual([]);
    expect(imagePaths(looked)[0]).toEqual([up, far]);
    const [first, second] = caseNamed(looked, 'dicom').images;
    expect(first.name).toBe('series');
    expect(first.files.map((address) => basename(address))).toEqual(['IM00', 'IM30', 'IM70']);
    expect(second).toEqual(first);
  });

  test('hands out nothing but volumes, whatever it names', async () => {
    const place = newFolder(folder);
    const secret = text('root:x:0:0', folder, 'passwd');
    const link = join(place, 'link.nii.gz');
    const real = await volume(newFolder(folder), 'real.nii.gz');
    if (windows) renameSync(real, link);
    else symlinkSync(real, link);
    const rows = [
      'case,patient,split,label,image,mask',
      `secret,,train,0,${secret},`,
      'folder,,train,0,.,',
      'gone,,train,0,gone.nii.gz,',
      `link,,train,1,link.nii.gz,${secret}`,
    ];
    const looked = await look(text(rows.join('\n'), place, 'table.csv'));
    expect(names(looked)).toEqual(['link']);
    expect(imagePaths(looked)).toEqual([[windows ? link : real]]);
    expect(looked.cases[0].mask).toBeUndefined();
    expect(looked.notes).toEqual([
      `2 files are no volumes of a known format: ${secret}, ${place}.`,
      `${join(place, 'gone.nii.gz')} is not there, or cannot be read.`,
    ]);
    for (let i = 0; i < 10; i++) expect(looked.files.reply(`/files/${i}/passwd`)).toBeUndefined();
  });

  test('with several labels is shown by the first, or by the one that is chosen', async () => {
    const place = newFolder(folder);
    await volume(place, 'a.nii');
    const table = text(
      'case,patient,split,label:tumour,label:cyst,image\na,,train,0,1,a.nii\n',
      place,
      'table.csv',
    );
    const first = await look(table);
    expect([first.cases[0].label, first.notes]).toEqual([
      0,
      [`${table} has the labels tumour, cyst; shown is tumour. Choose another with --label.`],
    ]);
    const chosen = await look(table, 'cyst');
    expect([chosen.cases[0].label, chosen.notes]).toEqual([1, []]);
    const wrong = await look(table, 'cist');
    expect(wrong.notes).toEqual([`${table} has no label cist; shown is tumour of tumour, cyst.`]);
  });

  test('that cannot be read is refused', async () => {
    const table = text('case,image\na,a.nii\n', newFolder(folder), 'cohort.csv');
    await expect(look(table)).rejects.toThrow(table);
  });
});

describe('a folder', () => {
  test('of heatmaps has the volumes that their records name', async () => {
    const place = newFolder(folder, 'out-');
    const scan = await volume(newFolder(folder), 'scan.nii.gz');
    const second = await volume(dirname(scan), 'second.nii');
    const cam = (layer: string) => ({
      method: 'averaged-cam',
      cam: 'gradcam',
      layer: { name: layer },
      input: { file: scan },
    });
    heatmap(place, 'scan_desc-tonno', { method: 'tonno', input: { file: scan }, heatmap: { maximum: 2 } });
    heatmap(place, 'scan_desc-averaged-cam_cam-gradcam_layer-10', cam('10'));
    heatmap(place, 'scan_desc-averaged-cam_cam-gradcam_layer-2', cam('2'));
    heatmap(place, 'both_desc-tonno', { method: 'tonno', input: { file: `${scan};${second}` } });
    heatmap(join(place, 'heatmaps'), 'other_desc-mine', { input: { file: 'second.nii' } });
    heatmap(place, 'bare_desc-tonno');
    text('model', place, 'b.onnx');
    text('{}', place, 'scan_desc-tonno_mask.json');
    await volume(place, 'scan_desc-tonno_mask.nii.gz');
    text('notes', place, 'notes.txt');
    const looked = await look(place);
    expect([looked.title, looked.kind]).toEqual([basename(place), 'folder']);
    expect(looked.series.map(({ id, title }) => [id, title])).toEqual([
      ['0-desc-tonno', 'ToNNO'],
      ['0-desc-averaged-cam_cam-gradcam_layer-2', 'Averaged GradCAM, layer 2'],
      ['0-desc-averaged-cam_cam-gradcam_layer-10', 'Averaged GradCAM, layer 10'],
      ['0-desc-mine', 'mine'],
    ]);
    expect(names(looked)).toEqual(['bare', 'both', 'other', 'scan']);
    expect(imagePaths(looked).slice(1)).toEqual([
      [scan, second],
      [join(place, 'heatmaps/other_desc-mine_heatmap.nii.gz')],
      [scan],
    ]);
    expect(Object.keys(caseNamed(looked, 'scan').heatmaps)).toHaveLength(3);
    expect(caseNamed(looked, 'scan').heatmaps['0-desc-tonno'].maximum).toBe(2);
    expect(looked.notes).toEqual([
      'The volume of case bare cannot be shown: a heatmap of it is in its place.',
      'The volume of case other cannot be shown: a heatmap of it is in its place.',
    ]);
    expect(looked.encoders.map(({ name }) => name)).toEqual(['b.onnx']);
  });

  test('of heatmaps of a cohort has its rows, and the numbers of tonno evaluate', async () => {
    const cohort = newFolder(folder);
    const table = await writeCohort(cohort);
    for (const where of ['evaluation', '.']) {
      const place = newFolder(folder);
      // One says whose it is, the others by their names.
      heatmap(place, 'anything_desc-tonno', { method: 'tonno', case: { name: 'a b', cohort: table } });
      heatmap(place, 'c9_desc-tonno', { method: 'tonno' });
      text({ cohort: { file: table }, results: [results('desc-tonno')] }, place, where, 'metrics.json');
      const looked = await look(place);
      expect(looked.notes).toEqual([]);
      expect(looked.cases.map(({ name, label, mask, split }) => [name, label, mask?.name, split])).toEqual([
        ['a b', 1, 'a.nii.gz', 'validation'],
        ['c9', 1, 'c9.nii.gz', 'validation'],
      ]);
      expect(caseNamed(looked, 'a b').heatmaps['0-desc-tonno']).toMatchObject({
        dice: 0.5,
        f1: 0.75,
        maximum: 91,
      });
      expect(looked.series).toEqual([{ id: '0-desc-tonno', title: 'ToNNO', method: 'tonno', dice: 0.25 }]);
    }
  });

  test('with heatmaps of one kind twice has a series for each place', async () => {
    const place = newFolder(folder);
    const scan = await volume(place, 'scan.nii.gz');
    for (const [name, maximum] of [
      ['one', 1],
      ['two', 2],
    ] as const) {
      heatmap(join(place, name), 'scan_desc-tonno', {
        method: 'tonno',
        input: { file: scan },
        heatmap: { maximum },
      });
    }
    const { series, cases } = await look(place);
    expect(series.map(({ id }) => id)).toEqual(['0-desc-tonno', '0-desc-tonno-2']);
    expect(cases.map(({ heatmaps }) => Object.values(heatmaps).map(({ maximum }) => maximum))).toEqual([
      [1, 2],
    ]);
  });

  test('of heatmaps of volumes that are called alike has a name for each', async () => {
    const place = newFolder(folder);
    for (const patient of ['P1', 'P2']) {
      const scan = await volume(newFolder(folder), patient, 'scan.nii.gz');
      heatmap(join(place, patient), 'scan_desc-tonno', { method: 'tonno', input: { file: scan } });
    }
    heatmap(join(place, 'P3'), 'scan_desc-tonno', { method: 'tonno' });
    heatmap(join(place, 'P4'), 'scan_desc-tonno', { method: 'tonno' });
    const looked = await look(place);
    expect(names(looked).sort()).toEqual(['P2/scan', 'scan', 'scan (2)', 'scan (3)']);
    expect(looked.series).toHaveLength(1);
  });

  test('of volumes has a case for each, with its mask, and its heatmaps where they lie beside it', async () => {
    const place = newFolder(folder);
    await volume(place, 'P10', 'PET_image.nii.gz');
    await volume(place, 'P10', 'PET_mask.nii.gz');
    await volume(place, 'P9', 'scan.nii');
    await volume(place, 'P9', 'lonely_mask.nii');
    heatmap(join(place, 'P9'), 'scan_desc-tonno');
    await volume(place, '.hidden', 'x.nii');
    writeSeries(join(place, 'dicom'), { planes: 2 });
    const looked = await look(place);
    expect(looked.cases.map(({ name, mask, heatmaps }) => [name, mask?.name, Object.keys(heatmaps)])).toEqual(
      [
        ['P9/lonely_mask', undefined, []],
        ['P9/scan', undefined, ['0-desc-tonno']],
        ['P10/PET_image', 'PET_mask.nii.gz', []],
        ['dicom', undefined, []],
      ],
    );
    expect([looked.kind, looked.notes]).toEqual(['folder', []]);
  });

  test.skipIf(windows)('shares no file that a link in it leads out to (skipped on Windows)', async () => {
    const place = newFolder(folder);
    await volume(place, 'own.nii');
    const outside = await volume(newFolder(folder), 'outside.nii');
    symlinkSync(outside, join(place, 'linked.nii'));
    symlinkSync(dirname(outside), join(place, 'folder'));
    const model = text('model', folder, 'outside.onnx');
    symlinkSync(model, join(place, 'model.onnx'));
    heatmap(dirname(outside), 'own_desc-tonno');
    symlinkSync(
      join(dirname(outside), 'own_desc-tonno_heatmap.nii.gz'),
      join(place, 'own_desc-tonno_heatmap.nii.gz'),
    );
    const looked = await look(place);
    expect([names(looked), looked.encoders]).toEqual([['own'], []]);
    expect(looked.cases[0].heatmaps).toEqual({});
    const links = ['own_desc-tonno_heatmap.nii.gz', 'linked.nii', 'model.onnx'].map((name) =>
      join(place, name),
    );
    expect(looked.notes).toEqual([
      `3 files are links that lead out of what was given, and are not followed: ${links.join(', ')}.`,
    ]);
  });

  test('with nothing to look at is refused with what may be named', async () => {
    const empty = newFolder(folder);
    text('notes', empty, 'notes.txt');
    await expect(look(empty)).rejects.toThrow(
      `${empty}: There is nothing in it that can be looked through. Name the folder of a study or a training, the table of a cohort, a folder with heatmaps, volumes or DICOM files, or one volume.`,
    );
  });
});

describe('one', () => {
  test('volume is a case of its own', async () => {
    const path = await volume(newFolder(folder), 'scan.nii.gz');
    const looked = await look(path);
    expect(looked).toMatchObject({
      title: 'scan.nii.gz',
      kind: 'volume',
      series: [],
      encoders: [],
      notes: [],
    });
    expect([names(looked), imagePaths(looked)]).toEqual([['scan'], [[path]]]);
  });

  test('volume of several files has them as channels', async () => {
    const [a, b] = [await volume(newFolder(folder), 'a.nii'), await volume(newFolder(folder), 'b.nii')];
    expect(imagePaths(await look(`${a};${b}`))).toEqual([[a, b]]);
    expect((await look(`${a};${b}`)).cases[0].images).toHaveLength(2);
    await expect(look(`${a};${b}.gone`)).rejects.toThrow(`${b}.gone is not there, or cannot be read.`);
  });

  test('folder of DICOM files is a case of them', async () => {
    const place = writeSeries(newFolder(folder, 'series-'), { planes: 3 });
    const looked = await look(place);
    expect(looked).toMatchObject({ kind: 'volume', title: basename(place) });
    expect(names(looked)).toEqual([basename(place)]);
    expect(looked.cases[0].images.map(({ files }) => files.length)).toEqual([3]);
  });

  test('header comes with the file of its voxels, if that lies beside it', async () => {
    const place = newFolder(folder);
    const header = (voxels: string) =>
      `ObjectType = Image\nNDims = 3\nDimSize = 2 1 1\nElementType = MET_UCHAR\nElementDataFile = ${voxels}\n`;
    const path = text(header('voxels.raw'), place, 'scan.mhd');
    text('ab', place, 'voxels.raw');
    expect(imagePaths(await look(path))).toEqual([[path, join(place, 'voxels.raw')]]);
    const secret = text('root:x:0:0', folder, 'passwd');
    text(header(`../${basename(secret)}`), place, 'scan.mhd');
    await expect(look(path)).rejects.toThrow('has its voxels in a file that does not lie beside it');
  });

  test('heatmap is shown over its volume', async () => {
    const place = newFolder(folder);
    const scan = await volume(place, 'scan.nii.gz');
    await volume(place, 'another.nii.gz');
    heatmap(place, 'scan_desc-tonno', { method: 'tonno', input: { file: scan } });
    const looked = await look(join(place, 'scan_desc-tonno_heatmap.nii.gz'));
    expect([looked.title, imagePaths(looked)]).toEqual(['scan_desc-tonno_heatmap.nii.gz', [[scan]]]);
    expect(Object.keys(looked.cases[0].heatmaps)).toEqual(['0-desc-tonno']);
  });

  test('file that is nothing of it is refused, and so is one that is not there', async () => {
    const path = text('hello', folder, 'hello.txt');
    await expect(look(path)).rejects.toThrow(
      `${path}: It is nothing that can be looked through. Name the folder of a study`,
    );
    const gone = join(folder, 'gone');
    await expect(look(gone)).rejects.toThrow(`${gone}: There is no such file or folder. Check the path.`);
  });
});
