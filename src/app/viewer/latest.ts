/**
 * Work that is asked for faster than it is done: one thing at a time, and of what was asked for meanwhile only the last.
 * So a slider that is dragged never queues.
 */
export class Latest<T> {
  readonly #work: (request: T) => Promise<void>;
  readonly #failed: (error: unknown) => void;
  #waiting: { readonly request: T } | undefined;
  #busy = false;

  constructor(work: (request: T) => Promise<void>, failed: (error: unknown) => void) {
    this.#work = work;
    this.#failed = failed;
  }

  ask(request: T): void {
    this.#waiting = { request };
    if (!this.#busy) void this.#go();
  }

  async #go(): Promise<void> {
    this.#busy = true;
    while (this.#waiting) {
      const { request } = this.#waiting;
      this.#waiting = undefined;
      try {
        await this.#work(request);
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#busy = false;
  }
}
