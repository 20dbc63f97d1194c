import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { filesIn, newFolder, succeed, temporaryFolder } from '../support/cli.ts';
import { correlation } from '../support/compare.ts';
import { readVolumeFile } from '../support/volumes.ts';

const folder = temporaryFolder();

test('the demo proves G ≈ V, finds the lesions of a phantom and draws it all', async () => {
  const out = newFolder(folder);
  const { stdout, stderr } = await succeed(['demo', '--out', out, '--json'], { timeout: 240_000 });
  expect(filesIn(out)).toEqual([
    'phantom-proof_desc-tonno_heatmap.json',
    'phantom-proof_desc-tonno_heatmap.nii.gz',
    'phantom.nii.gz',
    'phantom_desc-tonno_heatmap.json',
    'phantom_desc-tonno_heatmap.nii.gz',
    'phantom_mask.nii.gz',
    'phantom_montage.png',
  ]);
  expect(stderr).toMatch(/^Phantom of 64 × 64 × 64 voxels with \d lesions\.\n/);
  expect(stderr).toMatch(/\nDone in [\d.]+ s\.\n$/);

  const result = JSON.parse(stdout);
  expect(result).toMatchObject({
    command: 'demo',
    seed: 0,
    files: {
      phantom: join(out, 'phantom.nii.gz'),
      truth: join(out, 'phantom_mask.nii.gz'),
      proof: join(out, 'phantom-proof_desc-tonno_heatmap.nii.gz'),
      heatmap: join(out, 'phantom_desc-tonno_heatmap.nii.gz'),
      sidecar: join(out, 'phantom_desc-tonno_heatmap.json'),
      picture: join(out, 'phantom_montage.png'),
    },
  });
  const volume = async (name: string) => await readVolumeFile(join(out, name));
  const [phantom, truth] = [await volume('phantom.nii.gz'), await volume('phantom_mask.nii.gz')];
  const [proof, heatmap] = [await volume(FILES.proof), await volume(FILES.heatmap)];

  // What it says of the proof is what its files show.
  expect(result.proof.correlation).toBeGreaterThan(0.95);
  expect(result.proof.error).toBeLessThan(0.2);
  const inside = ball(phantom.shape[0]);
  const within = ({ data }: { data: Float32Array }) => inside.map((i) => data[i]);
  expect(correlation(within(proof), within(phantom))).toBeCloseTo(result.proof.correlation, 6);

  // Every lesion is a peak, and far above what surrounds it.
  expect(result.lesions).toBeGreaterThan(0);
  expect(result.ranks).toHaveLength(result.lesions);
  for (const rank of result.ranks) {
    expect(rank).toBeGreaterThanOrEqual(1);
    expect(rank).toBeLessThanOrEqual(4 * result.lesions);
  }
  const mean = (values: number[]) => values.reduce((sum, v) => sum + v, 0) / values.length;
  const values = (label: number) => [...heatmap.data].filter((_, i) => truth.data[i] === label);
  const all = [...heatmap.data].sort((a, b) => a - b);
  expect([...new Set(truth.data)].sort()).toEqual([0, 1]);
  expect(mean(values(1))).toBeGreaterThan(all[Math.floor(0.98 * all.length)]);

  const png = decode(readFileSync(join(out, 'phantom_montage.png')));
  expect([png.depth, png.channels]).toEqual([8, 3]);
  expect(png.width).toBeGreaterThan(600);
  expect(png.height).toBeGreaterThan(300);
  expect(new Set(png.data).size).toBeGreaterThan(100);

  const record = JSON.parse(readFileSync(join(out, 'phantom_desc-tonno_heatmap.json'), 'utf8'));
  expect(record).toMatchObject({
    method: 'tonno',
    preset: 'standard',
    directionsDone: 300,
    response: 'logit',
    device: 'cpu',
    encoder: { file: 'matched-filter.onnx', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
  });
}, 300_000);

const FILES = {
  proof: 'phantom-proof_desc-tonno_heatmap.nii.gz',
  heatmap: 'phantom_desc-tonno_heatmap.nii.gz',
} as const;

/** Indices of the voxels of a cube whose centres lie in the unit ball. */
function ball(side: number): number[] {
  const square = (i: number) => ((2 * i) / (side - 1) - 1) ** 2;
  return Array.from({ length: side ** 3 }, (_, i) => i).filter(
    (i) => square(Math.floor(i / side ** 2)) + square(Math.floor(i / side) % side) + square(i % side) <= 1,
  );
}
