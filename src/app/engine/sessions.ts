/**
 * Sessions that can be opened again under those who hold them: a GPU that was lost takes its sessions with it, but not what
 * was measured, and a reconstruction goes on with the same responses on whatever there is then.
 */
import type { Device, Session, SessionOptions, Tensor } from '../../runtime/session.ts';

type Open = (model: Uint8Array, options: SessionOptions) => Promise<Session>;

/** The sessions of one reconstruction. */
export class Sessions {
  readonly #open: Open;
  readonly #sessions: Reopened[] = [];

  constructor(open: Open) {
    this.#open = open;
  }

  async open(model: Uint8Array, options: SessionOptions): Promise<Session> {
    const session = new Reopened(await this.#open(model, options), model, options);
    this.#sessions.push(session);
    return session;
  }

  /** A GPU is given back when the last session on it is closed, and not before it can be found again. */
  async close(): Promise<void> {
    for (const session of this.#sessions) await session.close();
  }

  /**
   * All of them once more, on another device or the same.
   * @throws what opening throws; a further call tries again.
   */
  async reopen(device: Device): Promise<void> {
    await this.close();
    for (const session of this.#sessions) await session.reopen(this.#open, device);
  }

  /** Of the sessions that are open, whether one has operators on the CPU although its device is another. */
  get partlyOnCpu(): boolean {
    return this.#sessions.some(({ partlyOnCpu }) => partlyOnCpu);
  }
}

class Reopened implements Session {
  readonly lanes: number;
  readonly #model: Uint8Array;
  readonly #options: SessionOptions;
  #session: Session;

  constructor(session: Session, model: Uint8Array, options: SessionOptions) {
    this.#session = session;
    this.#model = model;
    this.#options = options;
    this.lanes = session.lanes;
  }

  async reopen(open: Open, device: Device): Promise<void> {
    this.#session = await open(this.#model, { ...this.#options, device });
  }

  get device(): Device {
    return this.#session.device;
  }

  get partlyOnCpu(): boolean {
    return this.#session.partlyOnCpu;
  }

  run(feeds: Readonly<Record<string, Tensor>>, fetches?: readonly string[]): Promise<Record<string, Tensor>> {
    return this.#session.run(feeds, fetches);
  }

  hold(tensors: Readonly<Record<string, Tensor>>): void {
    this.#session.hold(tensors);
  }

  async close(): Promise<void> {
    try {
      await this.#session.close();
    } catch {
      // An engine that has broken down cannot be closed, and need not be.
    }
  }
}
