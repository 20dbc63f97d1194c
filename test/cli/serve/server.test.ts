/** The server by real requests: whom it answers, what it lets out, and what becomes of files that change meanwhile. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { PageFiles } from '../../../src/cli/serve/page-files.ts';
import { CONTENT_POLICY } from '../../../src/cli/serve/security.ts';
import { type Serving, serve } from '../../../src/cli/serve/server.ts';
import { SharedFiles } from '../../../src/cli/serve/shared-files.ts';
import type { Browsed } from '../../../src/report/browse.ts';
import { newFolder, temporaryFolder } from '../../support/cli.ts';
import { ask, hold, raw } from './requests.ts';

const folder = temporaryFolder();
const windows = process.platform === 'win32';
const SECRET = 'nobody may see this';
const BUNDLE = 'assets/index-Ab3_x-9z.js';
const SCRIPT = `console.log(${JSON.stringify('long and dull '.repeat(200))});\n`;

const open: Serving[] = [];
afterAll(() => Promise.all(open.map((serving) => serving.close())));

/** A folder as the build makes it. */
function writePage(): string {
  const page = newFolder(folder, 'page-');
  mkdirSync(join(page, 'assets'));
  mkdirSync(join(page, 'ort'));
  writeFileSync(join(page, 'index.html'), '<!doctype html><title>page</title>');
  writeFileSync(join(page, BUNDLE), SCRIPT);
  writeFileSync(join(page, 'assets/style-01234567.css'), 'a { color: red }');
  writeFileSync(join(page, 'ort/ort.mjs'), 'export {};');
  writeFileSync(join(page, 'ort/ort.wasm'), Buffer.from([0, 0x61, 0x73, 0x6d]));
  writeFileSync(join(page, 'with space.onnx'), 'model');
  return page;
}

interface View {
  readonly serving: Serving;
  readonly files: string;
  /** Addresses by the names of files. */
  readonly addresses: Readonly<Record<string, string>>;
  readonly browsed: Browsed;
}

/** Like `tonno view` over some files. */
async function startView(contents: Readonly<Record<string, string | Buffer>>): Promise<View> {
  const files = newFolder(folder, 'files-');
  writeFileSync(join(folder, 'secret.txt'), SECRET);
  const shared = new SharedFiles();
  const addresses: Record<string, string> = {};
  for (const [name, content] of Object.entries(contents)) {
    writeFileSync(join(files, name), content);
    const share = await shared.addFound(join(files, name), files);
    if ('address' in share) addresses[name] = share.address;
  }
  const browsed: Browsed = {
    title: 'Ä “test”',
    kind: 'folder',
    series: [],
    cases: [],
    encoders: [],
    notes: [],
  };
  const serving = await serve(
    { page: await PageFiles.open(writePage()), data: { browsed, files: shared } },
    0,
  );
  open.push(serving);
  return { serving, files, addresses, browsed };
}

async function startApp(): Promise<Serving> {
  const serving = await serve({ page: await PageFiles.open(writePage()) }, 0);
  open.push(serving);
  return serving;
}

/** Takes the token. @returns the cookie as a browser sends it. */
async function enter({ url, port }: Serving): Promise<string> {
  const { headers } = await ask(port, new URL(url).pathname + new URL(url).search);
  return String(headers['set-cookie']?.[0].split(';')[0]);
}

let app: Serving;
let view: View;
let port: number;
let cookie: string;
beforeAll(async () => {
  app = await startApp();
  view = await startView({ 'scan #1%.nii.gz': 'voxels', 'record.json': '{"a":1}' });
  port = view.serving.port;
  cookie = await enter(view.serving);
});

describe('it listens', () => {
  test('on this machine alone', async () => {
    const others = Object.values(networkInterfaces())
      .flatMap((one) => one ?? [])
      .filter(({ internal, address }) => !internal && !address.startsWith('fe80'))
      .map(({ address }) => address);
    const elsewhere = [...others, '::1', ...(process.platform === 'linux' ? ['127.0.0.2'] : [])];
    for (const host of elsewhere) {
      await expect(raw(app.port, 'GET / HTTP/1.0\r\n\r\n', host)).rejects.toThrow(
        /ECONNREFUSED|EADDRNOTAVAIL|ENETUNREACH|EHOSTUNREACH/,
      );
    }
  });

  test('where it was told to, and says so where another does already', async () => {
    const page = await PageFiles.open(writePage());
    await expect(serve({ page }, app.port)).rejects.toThrow(
      `127.0.0.1:${app.port}: Another program listens there already. Choose another port with --port, or leave it out for one that is free.`,
    );
    const other = await startApp();
    const { port: free } = other;
    await other.close();
    const again = await serve({ page }, free);
    open.push(again);
    expect(again.url).toBe(`http://127.0.0.1:${free}/`);
  });

  test('until it is closed, which ends what is open', async () => {
    const serving = await startApp();
    const idle = raw(serving.port, '');
    const { first, ended } = await hold(serving.port);
    expect(first.slice(0, 15)).toBe('HTTP/1.1 200 OK');
    const began = performance.now();
    await serving.close();
    await ended;
    expect(await idle).toBe('');
    expect(performance.now() - began).toBeLessThan(3000);
    await expect(ask(serving.port, '/')).rejects.toThrow('ECONNREFUSED');
  });
});

describe('names', () => {
  test.each(['127.0.0.1:PORT', 'localhost:PORT', 'LocalHost:PORT'])('%s is its own', async (host) => {
    const headers = { host: host.replace('PORT', String(app.port)) };
    expect((await ask(app.port, '/', { headers })).status).toBe(200);
  });

  test.each([
    'evil.example:PORT',
    'evil.example',
    '127.0.0.1',
    'localhost',
    '127.0.0.1:1',
    '127.0.0.1:PORT0',
    'localhost.evil.example:PORT',
    'localhost.:PORT',
    '127.0.0.1.nip.io:PORT',
    '127.1:PORT',
    '0.0.0.0:PORT',
    '[::1]:PORT',
    'me@127.0.0.1:PORT',
    '127.0.0.1:PORT, evil.example',
  ])('"%s" is none of its own', async (host) => {
    for (const [own, more] of [
      [app.port, {}],
      [port, { cookie }],
    ] as const) {
      const headers = { host: host.replace('PORT', String(own)), ...more };
      const { status, text } = await ask(own, '/', { headers });
      expect([status, text]).toEqual([
        421,
        `This server answers to 127.0.0.1:${own} and localhost:${own} only. Where its port is forwarded from another machine, forward it under the same number.\n`,
      ]);
    }
  });

  test('of two it is called by neither, and without one by none', async () => {
    const own = `Host: 127.0.0.1:${app.port}\r\n`;
    const end = 'Connection: close\r\n\r\n';
    const two = await raw(app.port, `GET / HTTP/1.1\r\n${own}Host: evil.example\r\n${end}`);
    const twice = await raw(app.port, `GET / HTTP/1.1\r\nHost: evil.example\r\n${own}${end}`);
    const old = await raw(app.port, `GET / HTTP/1.0\r\n${end}`);
    const empty = await raw(app.port, `GET / HTTP/1.1\r\nHost:\r\n${end}`);
    for (const answer of [two, twice, old, empty]) expect(answer).toMatch(/^HTTP\/1\.1 4(00|21) /);
    expect(await raw(app.port, `GET / HTTP/1.1\r\n${end}`)).toMatch(/^HTTP\/1\.1 400 /);
    // As it would be for a proxy: the name in the first line counts for nothing.
    const proxied = await raw(app.port, `GET http://evil.example/ HTTP/1.1\r\n${own}${end}`);
    expect(proxied).toMatch(/^HTTP\/1\.1 404 /);
  });
});

describe('other pages', () => {
  test.each<[string, Record<string, string>]>([
    ['of another site', { origin: 'http://evil.example' }],
    ['without an origin', { origin: 'null' }],
    ['of another port', { origin: 'http://127.0.0.1:1' }],
    ['of the other name', { origin: 'http://localhost:PORT' }],
    ['over another protocol', { origin: 'https://127.0.0.1:PORT' }],
    ['by the browser’s word', { 'sec-fetch-site': 'cross-site' }],
    ['on another port by the browser’s word', { 'sec-fetch-site': 'same-site' }],
    ['by both words', { 'sec-fetch-site': 'none, cross-site' }],
  ])('%s get nothing', async (_, given) => {
    const headers = Object.fromEntries(
      Object.entries(given).map(([name, value]) => [name, value.replace('PORT', String(port))]),
    );
    for (const path of ['/', '/browse.json', `/${view.addresses['record.json']}`, `/${BUNDLE}`]) {
      const { status, text } = await ask(port, path, { headers: { ...headers, cookie } });
      expect([status, text]).toEqual([
        403,
        'Another page asked for this. Copy the address into the browser’s address bar instead.\n',
      ]);
    }
  });

  test('do not use up the token', async () => {
    const { serving } = await startView({});
    const { pathname, search } = new URL(serving.url);
    const headers = { 'sec-fetch-site': 'cross-site' };
    expect((await ask(serving.port, pathname + search, { headers })).status).toBe(403);
    expect(await enter(serving)).toMatch(/^tonno-/);
  });

  test('its own get what they ask for', async () => {
    for (const headers of [
      { origin: `http://127.0.0.1:${port}`, 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
    ]) {
      expect((await ask(port, '/browse.json', { headers: { ...headers, cookie } })).status).toBe(200);
    }
  });
});

describe('methods', () => {
  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE'])('%s is refused', async (method) => {
    const body = method.startsWith('P') ? 'x' : undefined;
    const { status, headers, text } = await ask(port, '/', { method, headers: { cookie }, body });
    expect([status, headers.allow]).toEqual([405, 'GET, HEAD']);
    expect(text).toBe('Nothing can be sent here: there is only something to be looked at.\n');
    expect(headers.connection).toBe('close');
  });

  test('that would make something else of the connection do not', async () => {
    const own = `Host: 127.0.0.1:${port}\r\nCookie: ${cookie}\r\n`;
    expect(await raw(port, `CONNECT 127.0.0.1:22 HTTP/1.1\r\n${own}\r\n`)).toBe('');
    const upgrade = `GET /nothing HTTP/1.1\r\n${own}Connection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n`;
    expect(await raw(port, upgrade)).toMatch(/^HTTP\/1\.1 404 /);
  });

  test('HEAD says the same without the body', async () => {
    const file = `/${view.addresses['scan #1%.nii.gz']}`;
    for (const path of ['/', '/browse.json', file, '/nothing']) {
      const [full, bare] = [
        await ask(port, path, { headers: { cookie } }),
        await ask(port, path, { method: 'HEAD', headers: { cookie } }),
      ];
      const said = ({ status, headers: { date, ...headers } }: typeof full) => ({ status, headers });
      expect(said(bare)).toEqual(said(full));
      expect([bare.body.length, full.body.length > 0]).toEqual([0, true]);
    }
  });
});

describe('the token', () => {
  const refused = 'This address was used before, or is none that tonno view printed.';

  test('is exchanged once for a cookie, and the address is bare then', async () => {
    const { serving } = await startView({});
    const { pathname, search, searchParams } = new URL(serving.url);
    const token = String(searchParams.get('token'));
    expect([pathname, Buffer.from(token, 'base64url').length]).toEqual(['/', 32]);
    const first = await ask(serving.port, pathname + search);
    expect([first.status, first.headers.location]).toEqual([303, '/']);
    expect(first.headers['cache-control']).toBe('no-store');
    const [line, ...more] = first.headers['set-cookie'] ?? [];
    expect(more).toEqual([]);
    const [pair, ...attributes] = line.split('; ');
    const [name, value] = pair.split('=');
    expect(name).toBe(`tonno-${serving.port}`);
    expect(attributes.sort()).toEqual(['HttpOnly', 'Path=/', 'SameSite=Strict']);
    expect(Buffer.from(value, 'base64url').length).toBe(32);
    expect(value).not.toBe(token);
    // Neither is good for the other's job.
    expect((await ask(serving.port, '/', { headers: { cookie: `${name}=${token}` } })).status).toBe(403);
    expect((await ask(serving.port, `/?token=${value}`)).status).toBe(403);

    const second = await ask(serving.port, pathname + search);
    expect([second.status, second.headers['set-cookie']]).toEqual([403, undefined]);
    expect(second.text).toContain(`${refused} Stop tonno view and start it again for a new one.`);
    // Who was let in may come back by it.
    const back = await ask(serving.port, pathname + search, { headers: { cookie: pair } });
    expect([back.status, back.headers.location, back.headers['set-cookie']]).toEqual([303, '/', undefined]);
    for (let i = 0; i < 2; i++) {
      expect((await ask(serving.port, '/', { headers: { cookie: pair } })).status).toBe(200);
    }
  });

  test('is taken by no request that only asks what would come, nor at another address', async () => {
    const { serving } = await startView({});
    const { search } = new URL(serving.url);
    expect((await ask(serving.port, `/${search}`, { method: 'HEAD' })).status).toBe(403);
    for (const path of ['/index.html', '/browse.json', '//', '/.', '/x']) {
      expect((await ask(serving.port, path + search)).status).toBe(403);
    }
    for (const wrong of ['?token=', '?token=x', `${search}x`, search.slice(0, -1), search.toLowerCase()]) {
      const { status, text } = await ask(serving.port, `/${wrong}`);
      expect([status, text.includes(refused)]).toEqual([403, true]);
    }
    expect((await ask(serving.port, `/${search}`)).status).toBe(303);
  });

  test('of one server opens no other', async () => {
    const [one, other] = [await startView({}), await startView({})];
    expect(new URL(one.serving.url).search).not.toBe(new URL(other.serving.url).search);
    const pair = await enter(one.serving);
    expect((await ask(other.serving.port, '/', { headers: { cookie: pair } })).status).toBe(403);
    const renamed = pair.replace(String(one.serving.port), String(other.serving.port));
    expect((await ask(other.serving.port, '/', { headers: { cookie: renamed } })).status).toBe(403);
    expect((await ask(other.serving.port, `/${new URL(one.serving.url).search}`)).status).toBe(403);
  });

  test('without its cookie there is nothing at all', async () => {
    const name = `tonno-${port}`;
    const value = cookie.slice(name.length + 1);
    const strangers = [
      undefined,
      '',
      `${name}=`,
      `${name}=${value.slice(1)}`,
      `${name}=${value}x`,
      `${name}x=${value}`,
      `x${name}=${value}`,
      `other=1; ${name}=${value.toLowerCase()}`,
      value,
    ];
    const paths = ['/', '/index.html', `/${BUNDLE}`, '/browse.json', '/nothing', '/favicon.ico'];
    for (const stranger of strangers) {
      for (const path of [...paths, ...Object.values(view.addresses).map((address) => `/${address}`)]) {
        const headers = stranger === undefined ? {} : { cookie: stranger };
        const { status, text } = await ask(port, path, { headers });
        expect([status, text]).toEqual([
          403,
          'This browser has not been let in. Open the address that tonno view printed; it works once, in one browser.\n',
        ]);
      }
    }
    const among = { cookie: `a=b; ${name}=old; ${cookie}; c` };
    expect((await ask(port, '/', { headers: among })).status).toBe(200);
  });

  test('app needs none and has no data', async () => {
    expect(app.url).toBe(`http://127.0.0.1:${app.port}/`);
    expect((await ask(app.port, '/')).text).toContain('<title>page</title>');
    expect((await ask(app.port, '/browse.json')).status).toBe(404);
  });
});

describe('paths', () => {
  test.each([
    '/../secret.txt',
    '/../../../../../../etc/passwd',
    '/%2e%2e/secret.txt',
    '/%2e%2e%2fsecret.txt',
    '/..%2fsecret.txt',
    '/..%5csecret.txt',
    '/..\\secret.txt',
    '/files/../../secret.txt',
    '/files/0/../../../secret.txt',
    '/files/0/..%2f..%2fsecret.txt',
    '/files/0/%2e%2e/record.json',
    '/files/1/..%2frecord.json',
    '/files/0/record.json',
    '/files/1',
    '/files/1/',
    '/files/01/record.json',
    '/files/1/record.json/',
    '/files/1/record.json%00',
    '/files/1/record.json%00.nii',
    '/files%2f1%2frecord.json',
    '/files/1/./record.json',
    '//files/1/record.json',
    '/files//1/record.json',
    '/files/1/record%2ejson',
    '/FILES/1/record.json',
    '/files/-1/record.json',
    '/files/1e0/record.json',
    '/files/__proto__/x',
    '/__proto__',
    '/constructor',
    '/assets/../index.html',
    '/assets',
    '/assets/',
    '/./index.html',
    '//index.html',
    '/%',
    '/with space.onnx'.replace(' ', '+'),
    '*',
    'files/1/record.json',
    '/etc/passwd',
    'file:///etc/passwd',
  ])('%s leads nowhere', async (path) => {
    const answer = await raw(
      port,
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nCookie: ${cookie}\r\nConnection: close\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
    expect(answer).not.toContain(SECRET);
    expect(answer).not.toContain('root:');
    expect(answer).not.toContain('{"a":1}');
    expect((await ask(port, '/', { headers: { cookie } })).status).toBe(200);
  });

  test('with bytes that no path has end the request, not the server', async () => {
    for (const path of ['/files/1/record.json\0', '/\x01', '/ö', '/a b']) {
      const answer = await raw(port, `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n\r\n`);
      expect(answer).toMatch(/^(HTTP\/1\.1 4\d\d |$)/);
    }
    expect((await ask(port, '/', { headers: { cookie } })).status).toBe(200);
  });

  test('of files are what is found under them, whatever the names', async () => {
    expect(view.addresses['scan #1%.nii.gz']).toBe('files/0/scan%20%231%25.nii.gz');
    // As a page resolves them.
    const url = new URL(view.addresses['scan #1%.nii.gz'], `http://127.0.0.1:${port}/`);
    expect((await ask(port, url.pathname, { headers: { cookie } })).text).toBe('voxels');
    expect((await ask(port, `${url.pathname}?x=1`, { headers: { cookie } })).text).toBe('voxels');
  });
});

describe('every answer', () => {
  test('has the headers that keep the page to itself', async () => {
    const answers = [
      await ask(port, '/', { headers: { cookie } }),
      await ask(port, '/browse.json', { headers: { cookie } }),
      await ask(port, `/${BUNDLE}`, { headers: { cookie } }),
      await ask(port, '/ort/ort.wasm', { headers: { cookie } }),
      await ask(port, `/${view.addresses['record.json']}`, { headers: { cookie } }),
      await ask(port, '/nothing', { headers: { cookie } }),
      await ask(port, '/'),
      await ask(port, '/?token=x'),
      await ask(port, '/?token=x', { headers: { cookie } }),
      await ask(port, '/', { headers: { host: 'evil.example' } }),
      await ask(port, '/', { method: 'POST' }),
      await ask(app.port, '/'),
    ];
    expect(answers.map(({ status }) => status)).toEqual([
      200, 200, 200, 200, 200, 404, 403, 403, 303, 421, 405, 200,
    ]);
    for (const { headers, body } of answers) {
      expect(headers).toMatchObject({
        'content-security-policy': CONTENT_POLICY,
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-embedder-policy': 'require-corp',
        'cross-origin-resource-policy': 'same-origin',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-length': String(body.length),
      });
      expect(headers['cache-control']).toBeDefined();
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  test('has the policy that the page has of itself, and lets no other page frame it', () => {
    const html = readFileSync(new URL('../../../src/app/index.html', import.meta.url), 'utf8');
    const meta = parseHTML(html).document.querySelector('meta[http-equiv="Content-Security-Policy"]');
    expect(CONTENT_POLICY).toBe(`${meta?.getAttribute('content')}; frame-ancestors 'none'`);
  });
});

describe('the page’s files', () => {
  test.each([
    ['/', 'text/html; charset=utf-8', 'no-cache'],
    ['/index.html', 'text/html; charset=utf-8', 'no-cache'],
    [`/${BUNDLE}`, 'text/javascript; charset=utf-8', 'private, max-age=31536000, immutable'],
    ['/assets/style-01234567.css', 'text/css; charset=utf-8', 'private, max-age=31536000, immutable'],
    ['/ort/ort.mjs', 'text/javascript; charset=utf-8', 'no-cache'],
    ['/ort/ort.wasm', 'application/wasm', 'no-cache'],
    ['/with%20space.onnx', 'application/octet-stream', 'no-cache'],
  ])('%s is %s, %s', async (path, type, cache) => {
    const { status, headers } = await ask(app.port, path);
    expect([status, headers['content-type'], headers['cache-control']]).toEqual([200, type, cache]);
    const again = await ask(app.port, path, { headers: { 'if-none-match': String(headers.etag) } });
    expect([again.status, again.body.length, again.headers.etag]).toEqual([304, 0, headers.etag]);
  });

  test.each<[string | undefined, boolean]>([
    ['gzip, deflate, br', true],
    ['br, gzip', true],
    ['GZIP;q=0.5', true],
    ['gzip;q=0', false],
    ['gzip;q=0.0', false],
    ['xgzip', false],
    ['identity', false],
    [undefined, false],
  ])('come packed to who says "%s": %s', async (encodings, packed) => {
    const headers = encodings === undefined ? {} : { 'accept-encoding': encodings };
    const script = await ask(app.port, `/${BUNDLE}`, { headers });
    expect(script.headers['content-encoding']).toBe(packed ? 'gzip' : undefined);
    expect(script.headers.vary).toBe('Accept-Encoding');
    expect(Number(script.headers['content-length'])).toBe(script.body.length);
    expect((packed ? gunzipSync(script.body) : script.body).toString()).toBe(SCRIPT);
    expect(script.body.length < SCRIPT.length / 5).toBe(packed);
    // What is packed already, or is no text, goes out as it is.
    expect((await ask(app.port, '/ort/ort.wasm', { headers })).headers['content-encoding']).toBeUndefined();
  });

  test('are said to be missing where nothing was built', async () => {
    const empty = newFolder(folder);
    const refusal =
      'The page is not there: it was not built. Build it with `npm run build`, or install tonno again.';
    await expect(PageFiles.open(empty)).rejects.toThrow(`${empty}: ${refusal}`);
    await expect(PageFiles.open(join(empty, 'none'))).rejects.toThrow(refusal);
  });

  test('are those that were there at the start, and no links', async () => {
    const page = writePage();
    if (!windows) symlinkSync(join(folder, 'secret.txt'), join(page, 'link.txt'));
    const serving = await serve({ page: await PageFiles.open(page) }, 0);
    open.push(serving);
    writeFileSync(join(page, 'later.txt'), SECRET);
    rmSync(join(page, 'ort/ort.mjs'));
    for (const path of ['/link.txt', '/later.txt', '/ort/ort.mjs']) {
      expect((await ask(serving.port, path)).status).toBe(404);
    }
  });
});

describe('data', () => {
  test('is JSON in UTF-8, kept by no cache', async () => {
    const { headers, body } = await ask(port, '/browse.json', { headers: { cookie } });
    expect([headers['content-type'], headers['cache-control']]).toEqual(['application/json', 'no-store']);
    expect(JSON.parse(body.toString('utf8'))).toEqual(view.browsed);
  });

  test('of files goes out as it is, kept by no cache', async () => {
    const { headers, text } = await ask(port, `/${view.addresses['record.json']}`, {
      headers: { cookie, 'accept-encoding': 'gzip' },
    });
    expect(text).toBe('{"a":1}');
    expect([headers['content-type'], headers['cache-control']]).toEqual(['application/json', 'no-store']);
    const scan = await ask(port, `/${view.addresses['scan #1%.nii.gz']}`, { headers: { cookie } });
    expect(scan.headers).toMatchObject({
      'content-type': 'application/octet-stream',
      'cache-control': 'no-store',
      'content-length': '6',
    });
    expect(scan.headers['content-encoding']).toBeUndefined();
  });

  test('that is empty is empty', async () => {
    const { serving, addresses } = await startView({ empty: '' });
    const answer = await ask(serving.port, `/${addresses.empty}`, {
      headers: { cookie: await enter(serving) },
    });
    expect([answer.status, answer.body.length]).toEqual([200, 0]);
  });

  test('that is large comes whole, and to several at once', async () => {
    const bytes = Buffer.alloc(9 * 2 ** 20 + 17, 'volume ');
    const { serving, addresses } = await startView({ large: bytes });
    const headers = { cookie: await enter(serving) };
    const hash = (data: Buffer) => createHash('sha256').update(data).digest('hex');
    const answers = await Promise.all(
      [1, 2, 3].map(() => ask(serving.port, `/${addresses.large}`, { headers })),
    );
    for (const { body } of answers) expect([body.length, hash(body)]).toEqual([bytes.length, hash(bytes)]);
  });

  test('that nobody waits for any more, or that is cut off meanwhile, ends the connection and nothing else', async () => {
    const { serving, addresses, files } = await startView({ large: Buffer.alloc(64 * 2 ** 20) });
    // Otherwise the end of the connection would be the end of the answer anyway.
    const headers = { cookie: await enter(serving), connection: 'keep-alive' };
    const begin = () =>
      new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
        const path = `/${addresses.large}`;
        get({ port: serving.port, host: '127.0.0.1', path, headers, agent: false }, resolve).on(
          'error',
          reject,
        );
      });
    const left = await begin();
    left.once('data', () => left.destroy());
    await new Promise((resolve) => left.once('close', resolve));

    const cut = await begin();
    let received = 0;
    cut.on('data', (piece: Buffer) => {
      if (received === 0) {
        cut.pause();
        truncateSync(join(files, 'large'), 100);
        setTimeout(() => cut.resume(), 50);
      }
      received += piece.length;
    });
    const ended = await new Promise((resolve) => {
      cut.on('error', ({ message }) => resolve(message));
      cut.on('end', () => resolve('whole'));
      setTimeout(() => resolve('waits'), 3000);
    });
    expect(ended).toBe('aborted');
    expect(received).toBeLessThan(64 * 2 ** 20);
    expect((await ask(serving.port, '/browse.json', { headers })).status).toBe(200);
    expect((await ask(serving.port, `/${addresses.large}`, { headers })).body.length).toBe(100);
  });

  test('that is gone is gone', async () => {
    const { serving, addresses, files } = await startView({ a: 'a', b: 'b' });
    const headers = { cookie: await enter(serving) };
    rmSync(join(files, 'a'));
    rmSync(join(files, 'b'));
    mkdirSync(join(files, 'b'));
    for (const name of ['a', 'b']) {
      expect((await ask(serving.port, `/${addresses[name]}`, { headers })).status).toBe(404);
    }
  });

  test.skipIf(windows)(
    'in whose place a link or a pipe has come is not there (skipped on Windows, which has neither)',
    async () => {
      const { serving, addresses, files } = await startView({ a: 'a', b: 'b' });
      const headers = { cookie: await enter(serving) };
      rmSync(join(files, 'a'));
      symlinkSync(join(folder, 'secret.txt'), join(files, 'a'));
      rmSync(join(files, 'b'));
      execFileSync('mkfifo', [join(files, 'b')]);
      for (const name of ['a', 'b']) {
        const { status, text } = await ask(serving.port, `/${addresses[name]}`, { headers });
        expect([status, text]).toEqual([404, 'There is no such file here.\n']);
      }
    },
  );
});

describe.skipIf(windows)('links (skipped on Windows, where few may make them)', () => {
  test('of files that were found lead no further than their folder; of those that were named anywhere', async () => {
    const root = newFolder(folder);
    mkdirSync(join(root, 'inside'));
    writeFileSync(join(root, 'inside', 'file'), 'x');
    writeFileSync(join(folder, 'secret.txt'), SECRET);
    symlinkSync(join(root, 'inside', 'file'), join(root, 'near'));
    symlinkSync(join(folder, 'secret.txt'), join(root, 'far'));
    symlinkSync(folder, join(root, 'up'));
    symlinkSync(join(root, 'nothing'), join(root, 'broken'));
    // One that begins like the folder's name is outside as well.
    mkdirSync(`${root}-other`);
    writeFileSync(join(`${root}-other`, 'file'), SECRET);
    symlinkSync(join(`${root}-other`, 'file'), join(root, 'beside'));
    symlinkSync(root, `${root}-link`);
    const shared = new SharedFiles();
    const found = (path: string) => shared.addFound(join(root, path), root);
    expect(await found('near')).toEqual({ address: 'files/0/near' });
    expect(await shared.addFound(join(`${root}-link`, 'near'), `${root}-link`)).toEqual({
      address: 'files/0/near',
    });
    for (const path of ['far', 'beside', 'up/secret.txt', `../${root.split('/').pop()}-other/file`]) {
      expect(await found(path)).toEqual({ why: 'outside' });
    }
    expect(await found('broken')).toEqual({ why: 'missing' });
    expect(await found('inside')).toEqual({ why: 'not a file' });
    expect(await shared.addNamed(join(root, 'far'))).toEqual({ address: 'files/1/far' });
    expect(await shared.addNamed(join(root, 'inside'))).toEqual({ why: 'not a file' });
    expect(shared.reply('/files/1/secret.txt')).toBeUndefined();
  });
});
