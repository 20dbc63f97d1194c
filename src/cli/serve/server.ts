/**
 * The server behind `tonno app` and `tonno view`: on this machine only, read only, and of what it was given only. `app` has
 * the page and no data, so that whoever is here may see it; `view` has data, and shows page and data to one session.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TonnoError } from '../../errors.ts';
import type { Browsed } from '../../report/browse.ts';
import type { PageFiles } from './page-files.ts';
import { missingReply, NO_STORE, type Reply, send, sentenceReply } from './reply.ts';
import { ADDRESS, refusalOf, Session } from './security.ts';
import type { SharedFiles } from './shared-files.ts';

export interface Site {
  readonly page: PageFiles;
  /** What is looked through; without it there is the page alone. */
  readonly data?: { readonly browsed: Browsed; readonly files: SharedFiles };
}

export interface Serving {
  /** To be opened: with the token, where there is one. */
  readonly url: string;
  readonly port: number;
  /** Ends all connections. */
  close(): Promise<void>;
}

/**
 * Begins to serve.
 * @param port 0 for any that is free.
 * @throws TonnoError when the port cannot be had.
 */
export async function serve({ page, data }: Site, port: number): Promise<Serving> {
  const server = createServer();
  await listen(server, port);
  const own = (server.address() as AddressInfo).port;
  const session = data && new Session(own);
  const json = data && new TextEncoder().encode(JSON.stringify(data.browsed));

  const replyTo = async (request: IncomingMessage): Promise<Reply> => {
    const refusal = refusalOf(request, own);
    if (refusal) return sentenceReply(refusal.status, refusal.sentence, refusal.headers);
    const [address, query] = divided(request.url ?? '');
    if (session) {
      const admitted = session.admits(request.headers.cookie);
      const token = address === '/' ? new URLSearchParams(query).get('token') : null;
      if (token !== null && request.method === 'GET') {
        const cookie = admitted ? undefined : session.exchange(token);
        if (admitted || cookie) return toBareAddress(cookie);
      }
      if (!admitted) return sentenceReply(403, strangerSentence(token));
    }
    if (json && address === '/browse.json') {
      return { status: 200, headers: { 'Content-Type': 'application/json', ...NO_STORE }, body: json };
    }
    return (await page.reply(address, request.headers)) ?? data?.files.reply(address) ?? missingReply();
  };

  const answer = async (request: IncomingMessage, response: ServerResponse, bare: boolean): Promise<void> => {
    try {
      await send(response, await replyTo(request), bare);
    } catch (error) {
      // What has begun can only be broken off: the length that was promised will not come.
      if (response.headersSent) throw error;
      await send(response, sentenceReply(500, 'This cannot be read.'), bare);
    }
  };

  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    const bare = request.method === 'HEAD';
    // A body that nobody asked for is not waited for.
    if (!bare && request.method !== 'GET') response.setHeader('Connection', 'close');
    answer(request, response, bare).catch(() => response.destroy());
  });
  // A connection that could not be taken is lost; the others go on.
  server.on('error', () => {});

  return {
    url: `http://${ADDRESS}:${own}/${session ? `?token=${session.token}` : ''}`,
    port: own,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => reject(portError(port, cause)));
    server.listen(port, ADDRESS, () => {
      server.removeAllListeners('error');
      resolve();
    });
  });
}

function portError(port: number, cause: NodeJS.ErrnoException): TonnoError {
  const problems: Readonly<Record<string, string>> = {
    EADDRINUSE: 'Another program listens there already.',
    EACCES: 'The permission to listen there is missing.',
  };
  return new TonnoError(
    `${ADDRESS}:${port}`,
    problems[cause.code ?? ''] ?? `It cannot be listened on (${cause.code}).`,
    { remedy: 'Choose another port with --port, or leave it out for one that is free.', cause },
  );
}

/** Path and query of a request, nothing in them decoded. */
function divided(target: string): [path: string, query: string] {
  const at = target.indexOf('?');
  return at < 0 ? [target, ''] : [target.slice(0, at), target.slice(at + 1)];
}

/** The token leaves the address bar and the history. */
function toBareAddress(cookie: string | undefined): Reply {
  return sentenceReply(303, 'The page is at /.', {
    Location: '/',
    ...(cookie !== undefined && { 'Set-Cookie': cookie }),
  });
}

function strangerSentence(token: string | null): string {
  return token === null
    ? 'This browser has not been let in. Open the address that tonno view printed; it works once, in one browser.'
    : 'This address was used before, or is none that tonno view printed. Stop tonno view and start it again for a new one.';
}
