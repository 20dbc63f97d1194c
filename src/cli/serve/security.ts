/**
 * Who may ask the server what. Any page that is open in the browser can send requests to this machine, and any program on
 * it can connect: so the server answers to its own names only (a foreign name that leads here is DNS rebinding), to
 * no other site, and what it shows of a person's files to nobody but the browser that came with the one-time token.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

export const ADDRESS = '127.0.0.1';

/** As the page says it of itself (src/app/index.html), which it cannot of its frames. */
export const CONTENT_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' blob: data:",
  "font-src 'self' data:",
  "connect-src 'self' blob: data:",
  "worker-src 'self' blob:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Of every answer, refusals among them. The first three give the page memory that its threads share. */
export const HEADERS: Readonly<Record<string, string>> = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Content-Security-Policy': CONTENT_POLICY,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
};

export interface Refusal {
  readonly status: 403 | 405 | 421;
  /** For whoever reads the answer. */
  readonly sentence: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What speaks against a request whatever it is for; undefined where nothing does. */
export function refusalOf(
  { method, headers, rawHeaders }: Pick<IncomingMessage, 'method' | 'headers' | 'rawHeaders'>,
  port: number,
): Refusal | undefined {
  const hosts = hostsOf(rawHeaders);
  const names = ownNames(port);
  if (hosts.length !== 1 || !names.includes(hosts[0].toLowerCase())) {
    return {
      status: 421,
      sentence: `This server answers to ${names.join(' and ')} only. Where its port is forwarded from another machine, forward it under the same number.`,
    };
  }
  const { origin, 'sec-fetch-site': site } = headers;
  if (
    (origin !== undefined && origin !== `http://${hosts[0]}`) ||
    (site !== undefined && site !== 'same-origin' && site !== 'none')
  ) {
    return {
      status: 403,
      sentence: 'Another page asked for this. Copy the address into the browser’s address bar instead.',
    };
  }
  if (method !== 'GET' && method !== 'HEAD') {
    return {
      status: 405,
      sentence: 'Nothing can be sent here: there is only something to be looked at.',
      headers: { Allow: 'GET, HEAD' },
    };
  }
  return undefined;
}

/** All that were sent: Node gives the first of several. */
function hostsOf(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1].toLowerCase() === 'host');
}

function ownNames(port: number): string[] {
  const names = [ADDRESS, 'localhost'];
  // Browsers leave out the port that http has anyway.
  return names.map((name) => (port === 80 ? name : `${name}:${port}`));
}

/** Bytes of token and cookie. */
const SECRET = 32;

/**
 * One browser's right to look. The address that is printed and opened carries a token, which is taken once, in exchange for
 * a cookie of another value: what stays in a history, a log or a list of processes is good for nothing.
 */
export class Session {
  readonly token = randomBytes(SECRET).toString('base64url');
  private readonly value = randomBytes(SECRET).toString('base64url');
  /** Cookies know no ports: two servers on one machine must not take each other's. */
  private readonly name: string;
  private taken = false;

  constructor(port: number) {
    this.name = `tonno-${port}`;
  }

  /** Whether a request's cookies hold the session's. */
  admits(cookies: string | undefined): boolean {
    const own = (cookies ?? '').split(';').flatMap((pair) => {
      const [name, ...value] = pair.trim().split('=');
      return name === this.name ? [value.join('=')] : [];
    });
    return own.filter((value) => isSame(value, this.value)).length > 0;
  }

  /** The cookie that a token is exchanged for; undefined where it is wrong or was taken before. */
  exchange(token: string): string | undefined {
    if (!isSame(token, this.token) || this.taken) return undefined;
    this.taken = true;
    return `${this.name}=${this.value}; Path=/; HttpOnly; SameSite=Strict`;
  }
}

/** Takes the same time wherever two texts differ. */
function isSame(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
