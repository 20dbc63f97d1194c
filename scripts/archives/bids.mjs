/**
 * A BIDS data set: four participants, one of them seen twice, T1w and FLAIR, two runs of one T1w; groups in participants.tsv, a finding by visit in
 * sessions.tsv, and masks of lesions in a derivative.
 */
import { fill, nifti, writeFiles } from './files.mjs';

const SIZE = [8, 10, 6];
const SROW = [
  [-2, 0, 0, 7],
  [0, 2, 0, -9],
  [0, 0, 2, -5],
];

/** Participant, session, entities of files before the suffix, whether there is a lesion. */
const VISITS = [
  ['sub-01', undefined, '', true],
  ['sub-02', undefined, '', false],
  ['sub-03', 'ses-1', '', false],
  ['sub-03', 'ses-2', '', true],
  ['sub-04', undefined, '_run-1', false],
];

const inLesion = (x) => Math.hypot(...x) <= 4;
const volume = (value, Type = Float32Array) => nifti(fill(Type, SIZE, SROW, value), SIZE, SROW);

/** Bytes by path. */
export function files() {
  const text = (lines) => Buffer.from(`${lines.map((cells) => cells.join('\t')).join('\n')}\n`);
  const all = {
    'dataset_description.json': Buffer.from('{"Name": "An invented data set", "BIDSVersion": "1.10.0"}\n'),
    'participants.tsv': text([
      ['participant_id', 'age', 'group', 'lesion'],
      ['sub-01', '34', 'patient', '1'],
      ['sub-02', '41', 'control', '0'],
      ['sub-03', '29', 'patient', '1'],
      ['sub-04', 'n/a', 'control', '0'],
      ['sub-05', '50', 'control', '0'],
    ]),
    'sub-03/sub-03_sessions.tsv': text([
      ['session_id', 'acq_time', 'relapse'],
      ['ses-1', 'n/a', '0'],
      ['ses-2', 'n/a', '1'],
    ]),
    'derivatives/lesions/dataset_description.json': Buffer.from(
      '{"Name": "Masks", "BIDSVersion": "1.10.0", "DatasetType": "derivative", "GeneratedBy": [{"Name": "Manual"}]}\n',
    ),
  };
  for (const [v, [participant, session, entities, lesion]] of VISITS.entries()) {
    const folder = [participant, session, 'anat'].filter(Boolean).join('/');
    const stem = [participant, session].filter(Boolean).join('_');
    all[`${folder}/${stem}${entities}_T1w.nii.gz`] = volume(
      (x) => 100 + x[0] + (x[2] * v) / 64 + (lesion && inLesion(x) ? 50 : 0),
    );
    all[`${folder}/${stem}_FLAIR.nii.gz`] = volume(
      (x) => 200 + x[1] + (x[2] * v) / 64 + (lesion && inLesion(x) ? 90 : 0),
    );
    all[`derivatives/lesions/${folder}/${stem}_label-lesion_mask.nii.gz`] = volume(
      (x) => (lesion && inLesion(x) ? 1 : 0),
      Uint8Array,
    );
  }
  all['sub-04/anat/sub-04_run-2_T1w.nii.gz'] = volume((x) => 300 + x[0]);
  return all;
}

export function write(folder) {
  writeFiles(folder, files());
}
