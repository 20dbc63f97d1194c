/** Requests as browsers do not let pages make them: with headers of one's own, and byte by byte. */
import { type IncomingHttpHeaders, type OutgoingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
  readonly text: string;
}

export interface AskOptions {
  readonly method?: string;
  /** Sent as they stand here. */
  readonly headers?: OutgoingHttpHeaders;
  readonly body?: string;
}

/** @param path is sent as it is. */
export function ask(port: number, path: string, { method, headers, body }: AskOptions = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port, path, method, headers, agent: false }, (response) => {
      const pieces: Buffer[] = [];
      response.on('data', (piece: Buffer) => pieces.push(piece));
      response.on('error', reject);
      response.on('end', () => {
        const bytes = Buffer.concat(pieces);
        const { statusCode = 0, headers: received } = response;
        resolve({ status: statusCode, headers: received, body: bytes, text: bytes.toString() });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

/** All that comes back for some bytes, until the server ends the connection. */
export function raw(port: number, bytes: string, host = '127.0.0.1'): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const socket = connect(port, host, () => socket.write(bytes));
    socket.setEncoding('latin1');
    socket.on('data', (piece) => {
      text += piece;
    });
    socket.on('error', reject);
    socket.on('close', () => resolve(text));
  });
}

/** Gets the page and keeps the connection, as browsers do. @returns once it is there, with what tells its end. */
export function hold(port: number): Promise<{ readonly first: string; readonly ended: Promise<void> }> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () =>
      socket.write(`GET / HTTP/1.1\r\nHost: localhost:${port}\r\n\r\n`),
    );
    const ended = new Promise<void>((end) => socket.once('close', () => end()));
    socket.setEncoding('latin1');
    socket.once('data', (text) => resolve({ first: String(text), ended }));
    socket.on('error', reject);
  });
}
