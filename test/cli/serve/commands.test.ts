/** tonno app and tonno view as their users have them: an address, the page under it, and an end. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { addApp } from '../../../src/cli/app.ts';
import { openFile } from '../../../src/cli/open.ts';
import type { Run } from '../../../src/cli/run.ts';
import { serveUntilStopped } from '../../../src/cli/serve/command.ts';
import { PageFiles } from '../../../src/cli/serve/page-files.ts';
import type { Serving } from '../../../src/cli/serve/server.ts';
import { addView } from '../../../src/cli/view.ts';
import { newFolder, type Started, start, temporaryFolder, tonno } from '../../support/cli.ts';
import { writeTinyCohort } from '../../support/cohorts.ts';
import { ask, hold } from './requests.ts';

vi.mock('../../../src/cli/open.ts', () => ({ openFile: vi.fn(async () => {}) }));
afterEach(() => void vi.mocked(openFile).mockClear());

const folder = temporaryFolder();
const READY = 'On this machine only. Ctrl-C stops it.\n';
const STOPPING = 'Stopping; nothing unfinished is kept. (Once more to stop at once.)\n';

/** The first line that it prints. */
function firstLine({ process }: Started): Promise<string> {
  let text = '';
  return new Promise((resolve) => {
    process.stdout?.on('data', (piece: string) => {
      text += piece;
      if (text.includes('\n')) resolve(text.slice(0, text.indexOf('\n')));
    });
  });
}

// Windows has no signals to send.
describe.skipIf(process.platform === 'win32').concurrent('a process (skipped on Windows)', () => {
  test('of app serves the page until Ctrl-C, and that is no failure', async () => {
    const run = start(['app']);
    const url = new URL(await firstLine(run));
    expect(url.href).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/$/);
    const page = await ask(Number(url.port), '/');
    expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
    const [, script] = /<script[^>]+src="\.(\/assets\/[^"]+)"/.exec(page.text) ?? [];
    const { status, headers } = await ask(Number(url.port), String(script));
    expect([status, headers['cache-control']]).toEqual([200, 'private, max-age=31536000, immutable']);
    expect((await ask(Number(url.port), '/browse.json')).status).toBe(404);
    // A connection that somebody keeps open does not keep it.
    const { ended } = await hold(Number(url.port));
    await run.says(READY);
    run.process.kill('SIGINT');
    expect(await run.outcome).toMatchObject({ code: 0, stdout: `${url.href}\n`, stderr: READY + STOPPING });
    await ended;
  });

  test('of view says what it found, and lets the one in who has the address', async () => {
    const place = newFolder(folder, 'cohort-');
    const table = await writeTinyCohort(place, { train: 1, validation: 1 });
    writeFileSync(
      table,
      `case,patient,split,label,image\na,,train,1,images/train-1.nii.gz\nb,,train,0,gone.nii\n`,
    );
    const run = start(['view', place, '--json']);
    const result = JSON.parse(await firstLine(run));
    const note = `${join(place, 'gone.nii')} is not there, or cannot be read.`;
    expect(result).toEqual({
      command: 'view',
      address: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]{43}$/),
      port: expect.any(Number),
      title: expect.stringMatching(/^cohort-\w+\/cohort\.csv$/),
      kind: 'cohort',
      series: 0,
      cases: 1,
      encoders: 0,
      notes: [note],
    });
    const { port, address } = result;
    expect((await ask(port, '/browse.json')).status).toBe(403);
    const entered = await ask(port, `/${new URL(address).search}`);
    const headers = { cookie: String(entered.headers['set-cookie']?.[0].split(';')[0]) };
    const browsed = JSON.parse((await ask(port, '/browse.json', { headers })).text);
    const [{ images }] = browsed.cases;
    const { status, body } = await ask(port, `/${images[0].files[0]}`, { headers });
    // gzip, as it lies on the disk.
    expect([status, ...body.subarray(0, 2)]).toEqual([200, 0x1f, 0x8b]);
    await run.says(READY);
    run.process.kill('SIGTERM');
    expect(await run.outcome).toMatchObject({
      code: 0,
      stdout: `${JSON.stringify(result)}\n`,
      stderr: `warning: ${note}\n${result.title}: 1 case.\n${READY}${STOPPING}`,
    });
  });

  test('of view ends at once where there is nothing to look at', async () => {
    const empty = newFolder(folder);
    const { code, stdout, stderr } = await tonno(['view', empty]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(
      /^error: \S+: There is nothing in it that can be looked through\. Name the folder of a study .*\n$/,
    );
  });

  test('says when its port is taken, or is none', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const { port } = other.address() as AddressInfo;
    try {
      expect(await tonno(['app', '--port', port])).toMatchObject({
        code: 1,
        stdout: '',
        stderr: `error: 127.0.0.1:${port}: Another program listens there already. Choose another port with --port, or leave it out for one that is free.\n`,
      });
    } finally {
      other.close();
    }
    const { code, stderr } = await tonno(['app', '--port', 70_000]);
    expect(code).toBe(2);
    expect(stderr).toContain('It must be a whole number from 1 to 65535.');
  });
});

describe('serving', () => {
  async function serving(open: boolean): Promise<{ told: Serving; shown: string[] }> {
    const place = newFolder(folder);
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, 'index.html'), 'page');
    const controller = new AbortController();
    const run = { terminal: { log: () => {} }, signal: controller.signal } as unknown as Run;
    let told: Serving | undefined;
    const done = serveUntilStopped({ page: await PageFiles.open(place) }, { open }, run, (own) => {
      told = own;
    });
    await vi.waitFor(() => expect(told).toBeDefined());
    expect((await ask((told as Serving).port, '/')).text).toBe('page');
    controller.abort();
    await done;
    await expect(ask((told as Serving).port, '/')).rejects.toThrow('ECONNREFUSED');
    return { told: told as Serving, shown: vi.mocked(openFile).mock.calls.map(([path]) => path) };
  }

  test('shows the page, unless it is told not to', async () => {
    const { told, shown } = await serving(true);
    expect(shown).toEqual([told.url]);
    vi.mocked(openFile).mockClear();
    expect((await serving(false)).shown).toEqual([]);
  });

  test.each([addApp, addView])('is helped in 80 columns', (add) => {
    const program = new Command('tonno').configureHelp({ helpWidth: 80 });
    add(program, {} as Run);
    const [command] = program.commands;
    let help = '';
    command
      .configureOutput({ writeOut: (text) => (help += text) })
      .configureHelp({ helpWidth: 80 })
      .outputHelp();
    expect(Math.max(...help.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(help).toContain('--no-open');
  });
});
