/**
 * How many threads are inside the engine, told to the main thread through shared memory. A process that ends while
 * one of them computes is aborted by the engine, whatever its exit code was to be; so an ending process first waits
 * until all are outside, and none enters any more.
 */

const INSIDE = 0;
const ENDING = 1;

export class Occupancy {
  readonly memory: SharedArrayBuffer;
  private readonly cells: Int32Array;

  constructor(memory = new SharedArrayBuffer(2 * Int32Array.BYTES_PER_ELEMENT)) {
    this.memory = memory;
    this.cells = new Int32Array(memory);
  }

  /**
   * In a worker: work inside the engine.
   * @throws Error when the process is ending.
   */
  async during<T>(work: () => Promise<T>): Promise<T> {
    Atomics.add(this.cells, INSIDE, 1);
    try {
      if (Atomics.load(this.cells, ENDING)) throw new Error('The process is ending.');
      return await work();
    } finally {
      Atomics.sub(this.cells, INSIDE, 1);
      Atomics.notify(this.cells, INSIDE);
    }
  }

  /** In the main thread, at its end: blocks until all are outside, and no longer than `most` milliseconds. */
  end(most: number): void {
    Atomics.store(this.cells, ENDING, 1);
    const until = performance.now() + most;
    for (;;) {
      const inside = Atomics.load(this.cells, INSIDE);
      const left = until - performance.now();
      if (inside === 0 || left <= 0) return;
      Atomics.wait(this.cells, INSIDE, inside, left);
    }
  }
}
