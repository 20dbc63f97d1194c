/** Ctrl-C, SIGTERM and a full disk: nothing half-written stays, under no name. */
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { filesIn, newFolder, type Started, start, temporaryFolder, tonno } from '../support/cli.ts';
import { mayMount, mountSmall, unmount } from '../support/disk.ts';
import { MATCHED_FILTER, unevenVolume, writeVolume } from '../support/volumes.ts';

const folder = temporaryFolder();
const scan = join(folder, 'scan.nii.gz');
const large = join(folder, 'large.nii.gz');
beforeAll(async () => {
  await writeVolume(scan, unevenVolume([12, 11, 10]));
  await writeVolume(large, unevenVolume([64, 64, 64]));
});

/** Waits until the first profiles are on the disk, under a temporary name: it is in the middle of its work. */
async function underWay(run: Started, out: string): Promise<void> {
  let ended = false;
  run.outcome
    .catch(() => {})
    .finally(() => {
      ended = true;
    });
  while (!ended && !filesIn(out).some((name) => name.includes('profiles'))) await wait(10);
  const [name, ...others] = filesIn(out);
  expect(others).toEqual([]);
  expect(name).toMatch(/^\.\w+_desc-tonno_profiles\.npy\.\d+\.tmp$/);
}

const STOPPING = 'Stopping; nothing unfinished is kept. (Once more to stop at once.)\n';

// Windows has no signals to send.
describe.skipIf(process.platform === 'win32')('an interruption (skipped on Windows, which has none)', () => {
  const long = ['--size', 64, '-L', 5000, '-M', 100, '--keep-profiles'];

  test.each([
    ['SIGINT', ['-r', 'mean']],
    ['SIGTERM', ['-r', 'mean']],
    ['SIGINT', ['-e', MATCHED_FILTER]],
    ['SIGTERM', ['-e', MATCHED_FILTER]],
  ] as const)('by %s with %j ends soon and leaves nothing', async (signal, response) => {
    const out = newFolder(folder);
    const run = start(['reconstruct', large, scan, ...response, ...long, '-o', out]);
    await underWay(run, out);
    const asked = performance.now();
    run.process.kill(signal);
    const { code, stdout, stderr } = await run.outcome;
    expect(performance.now() - asked).toBeLessThan(5000);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr.endsWith(`${STOPPING}Interrupted by ${signal}.\n`)).toBe(true);
    expect(stderr).not.toContain('error');
    expect(filesIn(out)).toEqual([]);
  });

  test('between two volumes keeps the one that is done', async () => {
    const out = newFolder(folder);
    const options = ['-r', 'mean', '--size', 64, '-L', 2000, '-M', 100, '-t', '1s', '--json'];
    const run = start(['reconstruct', scan, large, ...options, '-o', out]);
    await run.says('warning: scan: the time limit ended it');
    await wait(300);
    run.process.kill('SIGINT');
    const { code, stdout, stderr } = await run.outcome;
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('Interrupted by SIGINT.\n');
    expect(filesIn(out)).toEqual(['scan_desc-tonno_heatmap.json', 'scan_desc-tonno_heatmap.nii.gz']);
  });

  test('a second time does not wait for the encoder', async () => {
    const out = newFolder(folder);
    // One run of the encoder takes a second.
    const heavy = ['--size', 224, '-L', 100, '-M', 60, '--batch', 62, '--threads', 1, '--keep-profiles'];
    const run = start(['reconstruct', large, '-e', MATCHED_FILTER, ...heavy, '-o', out]);
    await underWay(run, out);
    run.process.kill('SIGINT');
    await run.says(STOPPING);
    const asked = performance.now();
    run.process.kill('SIGINT');
    const { code, signal, stderr } = await run.outcome;
    expect(performance.now() - asked).toBeLessThan(1000);
    expect([code, signal]).toEqual([null, 'SIGKILL']);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(filesIn(out)).toEqual([]);
  });
});

describe('a disk without room', () => {
  const REMEDY = 'Make room or choose another place with --out.\n';
  const options = ['-r', 'mean', '--size', 16, '-L', 4, '-M', 8];

  test.skipIf(process.platform === 'win32')(
    'by a limit on the size of files: neither heatmap nor record is left (skipped on Windows, which has none)',
    async () => {
      const out = newFolder(folder);
      const { code, stdout, stderr } = await tonno(['reconstruct', large, ...options, '-o', out], {
        through: ['sh', '-c', 'ulimit -f 16; exec "$@"', 'sh'],
      });
      const heatmap = join(out, 'large_desc-tonno_heatmap.nii.gz');
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `error: ${heatmap}: The file would be larger than is allowed here. Choose another place with --out.\n`,
      );
      expect(filesIn(out)).toEqual([]);
    },
  );

  test.skipIf(!mayMount(folder))(
    'by its size: what fits is kept, what does not leaves nothing (skipped where none can be mounted)',
    async () => {
      const disk = newFolder(folder);
      mountSmall(disk, '64k');
      try {
        const { code, stdout, stderr } = await tonno(['reconstruct', scan, large, ...options, '-o', disk]);
        const heatmap = join(disk, 'large_desc-tonno_heatmap.nii.gz');
        expect([code, stdout]).toEqual([1, `${join(disk, 'scan_desc-tonno_heatmap.nii.gz')}\n`]);
        expect(stderr).toBe(`error: ${heatmap}: The disk is full. ${REMEDY}1 of 2 volumes failed.\n`);
        expect(filesIn(disk)).toEqual(['scan_desc-tonno_heatmap.json', 'scan_desc-tonno_heatmap.nii.gz']);

        const profiles = ['--keep-profiles', '-L', 2000, '-M', 100];
        const again = await tonno(['reconstruct', large, ...options, ...profiles, '-o', disk]);
        expect(again.code).toBe(1);
        expect(again.stderr).toBe(
          `error: ${join(disk, 'large_desc-tonno_profiles.npy')}: The disk is full. ${REMEDY}`,
        );
        expect(filesIn(disk)).toHaveLength(2);
      } finally {
        unmount(disk);
      }
    },
  );
});
