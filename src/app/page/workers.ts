/**
 * The two workers as what they answer for. A worker is started when it is first needed, and again after it was ended or
 * stopped by itself; calls that it will not answer any more fail then, instead of waiting for ever. Arrays that are not
 * shared are handed over, so that there is one of each.
 */
import { proxy, type Remote, transfer } from 'comlink';
import { isShared } from '../../volume/shared.ts';
import type { DeskApi, EngineApi } from '../protocol.ts';
import { doubtOf, type Failure, RemoteError, remote } from '../remote.ts';
import type { PageDesk } from './case-store.ts';
import type { Restartable } from './encoder-store.ts';

/** A worker that can be asked, and started anew. */
export interface Staff<T> extends Restartable {
  /** Stays the same whichever worker answers. */
  readonly api: Remote<T>;
}

export interface StaffOptions {
  start(): Worker;
  /** What it is, in a sentence about its end. */
  readonly subject: string;
  readonly remedy: string;
  /** It stopped by itself. */
  stopped(failure: Failure): void;
  /** A call went through. */
  called?(method: string, given: readonly unknown[]): void;
}

/** Milliseconds in which a worker that feared it would never answer again has to say something. */
export const PATIENCE = 5_000;

type Call = (...given: unknown[]) => Promise<unknown>;

export function hire<T>({ start, subject, remedy, stopped, called }: StaffOptions): Staff<T> {
  let worker: Worker | undefined;
  let answers: Record<string, Call> = {};
  const waiting = new Set<(reason: RemoteError) => void>();

  const end = (failure: Failure) => {
    worker?.terminate();
    worker = undefined;
    for (const reject of waiting) reject(new RemoteError(failure));
    waiting.clear();
  };
  const ensure = () => {
    if (worker) return;
    const started = start();
    worker = started;
    answers = remote<T>(started) as unknown as Record<string, Call>;
    started.addEventListener('error', (event) => {
      event.preventDefault();
      if (worker !== started) return;
      const failure = endOf(event.message, subject, remedy);
      end(failure);
      stopped(failure);
    });
    let waitingFor: ReturnType<typeof setTimeout> | undefined;
    started.addEventListener('message', ({ data }) => {
      clearTimeout(waitingFor);
      const doubt = doubtOf(data);
      if (!doubt) return;
      waitingFor = setTimeout(() => {
        if (worker !== started) return;
        const failure = { ...doubt, remedy };
        end(failure);
        stopped(failure);
      }, PATIENCE);
    });
  };
  const call =
    (method: string): Call =>
    (...given) =>
      new Promise((resolve, reject) => {
        ensure();
        waiting.add(reject);
        answers[method](...given).then(
          (value) => {
            waiting.delete(reject);
            called?.(method, given);
            resolve(value);
          },
          (error) => {
            waiting.delete(reject);
            reject(error);
          },
        );
      });

  const api = new Proxy({} as Record<string, Call>, {
    // It is no promise, whatever asks.
    get: (_, name) => (typeof name === 'symbol' || name === 'then' ? undefined : call(name)),
  });
  return {
    api: api as unknown as Remote<T>,
    restart: () => end({ subject, problem: 'It was started anew.', remedy: '', fault: false }),
  };
}

/** Why a worker ended, from what little the browser says. */
function endOf(message: string | undefined, subject: string, remedy: string): Failure {
  if (message && /memory|alloc/i.test(message)) {
    return {
      subject,
      problem: 'It stopped, because the browser has no more memory for it.',
      remedy: `Close other pages, or use a smaller volume or the command line. ${remedy}`,
      fault: false,
    };
  }
  const why = message
    ? `It stopped: ${message.replace(/^Uncaught /, '')}.`
    : 'It stopped, and the browser does not say why.';
  return { subject, problem: why, remedy, fault: false };
}

/** The desk as the store asks it. */
export function deskOf({ api }: Staff<DeskApi>): PageDesk {
  return {
    ...bound(api, ['open', 'phantom', 'openTruth', 'volume', 'openHeatmap', 'chooseHeatmap', 'heatmaps']),
    putHeatmap: (heatmap) => api.putHeatmap(handed(heatmap)),
  };
}

/** The engine as the store asks it. */
export function engineOf({ api, restart }: Staff<EngineApi>): EngineApi & Restartable {
  return {
    ...bound(api, ['openEncoder', 'warmUp', 'stop', 'rescue']),
    reconstruct: (volume, settings, told) => api.reconstruct(handed(volume), settings, proxy(told)),
    more: (directions, told) => api.more(directions, proxy(told)),
    profiles: (volume, settings) => api.profiles(handed(volume), settings),
    restart,
  };
}

function bound<T, K extends keyof T & string>(api: Remote<T>, names: readonly K[]): Pick<T, K> {
  const calls = api as unknown as Record<K, Call>;
  const given = names.map((name) => [name, (...values: unknown[]) => calls[name](...values)]);
  return Object.fromEntries(given) as Pick<T, K>;
}

function handed<T extends { readonly data: Float32Array }>(value: T): T {
  return isShared(value.data) ? value : transfer(value, [value.data.buffer]);
}
