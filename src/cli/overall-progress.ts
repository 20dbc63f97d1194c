/**
 * How far a long piece of work is that is done one thing after the other: cases, or series of heatmaps. The line on the
 * terminal is that of the thing at hand; where there are several it says which of how many that is, and the time left is
 * that of all, reckoned from those that are done as if every one took as long.
 */
import type { ProgressLine, Terminal } from './terminal.ts';

/** Part of the work on one thing, for instance one pass over its volume. */
export interface PartProgress {
  /** A line of its own for a stage of the part. */
  line(): ProgressLine;
  /** Seconds left for all things when so many of the part's units are done; undefined where there is but one. */
  left(done: number, total: number): number | undefined;
}

export class OverallProgress {
  private readonly terminal: Terminal;
  private readonly things: number;
  private readonly toDo: number;
  private readonly started = performance.now();
  private label = '';
  private ended = 0;

  /**
   * @param things all there are, as the numbers on the terminal count them.
   * @param toDo those of them that take time.
   */
  constructor(terminal: Terminal, things: number, toDo = things) {
    this.terminal = terminal;
    this.things = things;
    this.toDo = toDo;
  }

  /** @param index place among all things, from 0. */
  begin(name: string, index: number): void {
    this.label = this.things > 1 ? `${index + 1}/${this.things} ${name}` : name;
  }

  /** The thing at hand is done, well or badly. */
  end(): void {
    this.ended++;
  }

  /** A part that begins when the share `from` of the thing at hand is done and is the share `length` of it. */
  part(from: number, length: number): PartProgress {
    return {
      line: () => this.terminal.progress(this.label),
      left: (done, total) => {
        if (this.things === 1) return undefined;
        const worked = this.ended + from + (length * done) / total;
        const seconds = (performance.now() - this.started) / 1000;
        return (seconds / worked) * (this.toDo - worked);
      },
    };
  }
}
