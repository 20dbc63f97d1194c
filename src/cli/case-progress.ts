/**
 * How far a piece of work on many cases is. The line on the terminal is that of the case at hand; where there are
 * several it says which of how many that is, and the time left is that of all, reckoned from the cases that are done
 * as if every one took as long.
 */
import type { ProgressLine, Terminal } from './terminal.ts';

/** Part of a case's work, for instance one pass over its volume. */
export interface PartProgress {
  /** A line of its own for a stage of the part. */
  line(): ProgressLine;
  /** Seconds left for all cases when so many of the part's units are done; undefined for a single case. */
  left(done: number, total: number): number | undefined;
}

export class CaseProgress {
  private readonly terminal: Terminal;
  private readonly cases: number;
  private readonly toDo: number;
  private readonly started = performance.now();
  private label = '';
  private ended = 0;

  /**
   * @param cases all there are, as the numbers on the terminal count them.
   * @param toDo those of them that take time.
   */
  constructor(terminal: Terminal, cases: number, toDo: number) {
    this.terminal = terminal;
    this.cases = cases;
    this.toDo = toDo;
  }

  /** @param index place among all cases, from 0. */
  begin(name: string, index: number): void {
    this.label = this.cases > 1 ? `${index + 1}/${this.cases} ${name}` : name;
  }

  /** The case at hand is done, well or badly. */
  end(): void {
    this.ended++;
  }

  /** A part of the case at hand that begins when the share `from` of it is done and is the share `length` of it. */
  part(from: number, length: number): PartProgress {
    return {
      line: () => this.terminal.progress(this.label),
      left: (done, total) => {
        if (this.cases === 1) return undefined;
        const worked = this.ended + from + (length * done) / total;
        const seconds = (performance.now() - this.started) / 1000;
        return (seconds / worked) * (this.toDo - worked);
      },
    };
  }
}
