/** A gate lets a fixed number of pieces of work through at a time: what is queued before an engine stays bounded. */
export class Gate {
  private free: number;
  private readonly waiting: (() => void)[] = [];

  constructor(places: number) {
    this.free = places;
  }

  /**
   * Waits for a place. The place must be given back with `leave`. Not an async function: one that waited would go on
   * some turns later than one that finds a place free, and be overtaken.
   */
  enter(): Promise<void> {
    if (this.free > 0) {
      this.free--;
      return Promise.resolve();
    }
    return new Promise<void>((proceed) => this.waiting.push(proceed));
  }

  leave(): void {
    const next = this.waiting.shift();
    if (next) next();
    else this.free++;
  }
}
