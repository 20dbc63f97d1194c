/** tonno weights, on a server of the test's own: the real one has files of 20 and 100 MB. */
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { basename, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { resnetWeights } from '../../src/encoders/resnet.ts';
import { type WritableTensor, writeSafetensors } from '../../src/formats/safetensors.ts';
import { filesIn, newFolder, start, succeed, temporaryFolder, tonno } from '../support/cli.ts';

const folder = temporaryFolder();
const size = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

function weightsFile(without?: string): Uint8Array {
  const specs = resnetWeights({ architecture: 'resnet10t', norm: 'frozen', channels: 3, outputs: 1000 });
  const kept = specs.filter(({ name }) => name !== without);
  return writeSafetensors(
    new Map(
      kept.map(({ name, shape }): [string, WritableTensor] => [
        name,
        { data: new Float32Array(size(shape)).fill(0.5), shape },
      ]),
    ),
  );
}

const whole = weightsFile();
const path = '/timm/resnet10t.c3_in1k/resolve/main/model.safetensors';
const answers: Record<string, RequestListener> = {
  good: (_, response) => response.writeHead(200, { 'content-length': whole.length }).end(whole),
  // As Hugging Face does.
  moved: (_, response) => response.writeHead(302, { location: `/good${path}` }).end(),
  slow: (_, response) =>
    response.writeHead(200, { 'content-length': whole.length }).write(whole.subarray(0, 1e6)),
  broken: (_, response) => {
    response.writeHead(200, { 'content-length': whole.length });
    response.write(whole.subarray(0, 1e6), () => response.destroy());
  },
  // Whole for HTTP, which says no length.
  short: (_, response) => response.writeHead(200).end(whole.subarray(0, whole.length - 4)),
  html: (_, response) => response.writeHead(200).end('<!DOCTYPE html><title>Sign in to the hospital</title>'),
  lfs: (_, response) => response.writeHead(200).end('version https://git-lfs.github.com/spec/v1\n'),
  less: (_, response) => response.writeHead(200).end(weightsFile('layer3.0.conv1.weight')),
  empty: (_, response) => response.writeHead(200).end(),
  missing: (_, response) => response.writeHead(404).end('Entry not found'),
  private: (_, response) => response.writeHead(401, 'Unauthorized').end(),
};

let server: Server;
let base: string;
const asked: string[] = [];
beforeAll(async () => {
  server = createServer((request, response) => {
    const [, answer] = /^\/(\w+)(\/.*)$/.exec(request.url!)!;
    asked.push(request.url!);
    answers[answer](request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const from = (answer: string) => ({ TONNO_WEIGHTS_URL: `${base}/${answer}` });

describe('the file', () => {
  test('comes under its own name into the current folder', async () => {
    const cwd = newFolder(folder);
    const { stdout, stderr } = await succeed(['weights', 'resnet10t'], { cwd, env: from('good') });
    expect(stdout).toBe('resnet10t.safetensors\n');
    expect(stderr).toBe(`Downloading ${base}/good${path}\n`);
    expect(filesIn(cwd)).toEqual(['resnet10t.safetensors']);
    expect(readFileSync(join(cwd, 'resnet10t.safetensors')).equals(whole)).toBe(true);
  });

  test('is described for programs, goes where --out says, and takes the place of an older one', async () => {
    const file = join(newFolder(folder), 'own.safetensors');
    writeFileSync(file, 'old');
    // A mirror's address may end with slashes, and may send elsewhere.
    const env = { TONNO_WEIGHTS_URL: `${base}/moved//` };
    const { stdout } = await succeed(['weights', 'resnet10t', '--out', file, '--json'], { env });
    expect(JSON.parse(stdout)).toEqual({
      command: 'weights',
      name: 'resnet10t',
      file,
      bytes: whole.length,
      sha256: createHash('sha256').update(whole).digest('hex'),
      url: `${base}/moved${path}`,
    });
    expect(asked.slice(-2)).toEqual([`/moved${path}`, `/good${path}`]);
    expect(readFileSync(file).equals(whole)).toBe(true);
  });

  // Windows has no signals to send.
  const windows = process.platform === 'win32';
  test.skipIf(windows)(
    `is not kept when Ctrl-C comes half-way${windows ? ' (skipped on Windows)' : ''}`,
    async () => {
      const out = newFolder(folder);
      const run = start(['weights', 'resnet10t'], { cwd: out, env: from('slow') });
      await run.says('Downloading');
      while (filesIn(out).length === 0) await wait(5);
      expect(filesIn(out)).toEqual([`.resnet10t.safetensors.${run.process.pid}.tmp`]);
      await wait(100);
      const began = performance.now();
      run.process.kill('SIGINT');
      const { code, stdout, stderr } = await run.outcome;
      expect(performance.now() - began).toBeLessThan(3000);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toBe(
        `Downloading ${base}/slow${path}\nStopping; nothing unfinished is kept. (Once more to stop at once.)\nInterrupted by SIGINT.\n`,
      );
      expect(filesIn(out)).toEqual([]);
    },
  );
});

describe('what is not the file', () => {
  const refused = async (answer: string) => {
    const out = newFolder(folder);
    const file = join(out, 'kept.safetensors');
    writeFileSync(file, 'what was there before');
    const { code, stdout, stderr } = await tonno(['weights', 'resnet10t', '-o', file], { env: from(answer) });
    expect([code, stdout]).toEqual([1, '']);
    expect(filesIn(out)).toEqual(['kept.safetensors']);
    expect(readFileSync(file, 'utf8')).toBe('what was there before');
    const url = `${base}/${answer}${path}`;
    const [downloading, error, ...more] = stderr.split('\n');
    expect([downloading, ...more]).toEqual([`Downloading ${url}`, '']);
    const remedy = `On another machine, run "curl -L -o ${basename(file)} ${url}", and copy the file here.`;
    expect(error.slice(0, `error: ${url}: `.length)).toBe(`error: ${url}: `);
    expect(error.slice(-remedy.length - 1)).toBe(` ${remedy}`);
    return error.slice(`error: ${url}: `.length, -remedy.length - 1);
  };
  const other = 'What came are not these weights. ';

  test.each([
    ['missing', 'The server answered 404 Not Found.'],
    ['private', 'The server answered 401 Unauthorized.'],
    ['html', `${other}This is not a safetensors file.`],
    ['lfs', `${other}This is a Git LFS pointer, not the file it points to.`],
    ['empty', `${other}The file is empty.`],
    [
      'less',
      `${other}These are not the weights of a resnet10t of width 1: layer3.0.conv1.weight is missing.`,
    ],
    ['broken', /^The download failed \(.+\)\.$/],
    ['short', /^What came are not these weights\. The file ends within the array ".+", after \d+ of /],
  ])('%s: a sentence, and nothing is touched', async (answer, expected) => {
    const sentence = await refused(answer);
    if (typeof expected === 'string') expect(sentence).toBe(expected);
    else expect(sentence).toMatch(expected);
  });

  test('no server at all', async () => {
    const cwd = newFolder(folder);
    const gone = createServer();
    await new Promise<void>((resolve) => gone.listen(0, '127.0.0.1', resolve));
    const url = `http://127.0.0.1:${(gone.address() as AddressInfo).port}`;
    await new Promise((resolve) => gone.close(resolve));
    const { code, stderr } = await tonno(['weights', 'resnet50_gn'], {
      cwd,
      env: { TONNO_WEIGHTS_URL: url },
    });
    const file = `${url}/timm/resnet50_gn.a1h_in1k/resolve/main/model.safetensors`;
    expect(code).toBe(1);
    expect(stderr).toContain(
      `error: ${file}: The download failed (connect ECONNREFUSED ${url.slice('http://'.length)}). On another machine, run "curl -L -o resnet50_gn.safetensors ${file}", and copy the file here.\n`,
    );
    expect(filesIn(cwd)).toEqual([]);
  });
});

describe('used wrongly', () => {
  test('an unknown name is told the known ones', async () => {
    for (const name of ['resnet18', 'toString']) {
      expect(await tonno(['weights', name])).toMatchObject({
        code: 2,
        stdout: '',
        stderr: `error: ${name}: No weights of this name are known. Known are resnet10t and resnet50_gn.\n`,
      });
    }
    const { code, stderr } = await tonno(['weights']);
    expect(code).toBe(2);
    expect(stderr).toContain("missing required argument 'name'");
  });

  test.each(['ftp://mirror.example', 'mirror.example', 'http://'])('the mirror %s', async (mirror) => {
    expect(await tonno(['weights', 'resnet10t'], { env: { TONNO_WEIGHTS_URL: mirror } })).toMatchObject({
      code: 2,
      stderr: `error: TONNO_WEIGHTS_URL=${mirror}: This is no address of a web server. Give one like https://huggingface.co.\n`,
    });
  });

  test('a folder for a file, or a file in no folder: before anything is asked for', async () => {
    const out = newFolder(folder);
    const before = asked.length;
    expect(await tonno(['weights', 'resnet10t', '-o', out], { env: from('good') })).toMatchObject({
      code: 1,
      stderr: `error: ${out}: It is a folder, not a file. Name the file in it with --out.\n`,
    });
    const nowhere = join(out, 'missing', 'a.safetensors');
    expect(await tonno(['weights', 'resnet10t', '-o', nowhere], { env: from('good') })).toMatchObject({
      code: 1,
      stderr: `error: ${nowhere}: There is no such file or folder. Check the path.\n`,
    });
    expect([asked.length, filesIn(out)]).toEqual([before, []]);
  });

  test('the help names the files and the mirror', async () => {
    const { stdout } = await succeed(['weights', '--help']);
    expect(stdout).toContain('resnet10t or resnet50_gn');
    expect(stdout).toContain('TONNO_WEIGHTS_URL');
    expect((await succeed(['--help'])).stdout).toContain('weights');
  });
});
