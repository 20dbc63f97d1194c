/**
 * The stages of a study as they are told on the terminal: which of how many begins, what it does and, once one has been
 * timed, how long all that are left will take, reckoned by the slices that go through encoders.
 */
import { clock, type Terminal } from '../terminal.ts';

export interface Stage {
  /** "Training frozen batch norm". */
  readonly what: string;
  /** Its share of the whole, in slices through an encoder. */
  readonly work: number;
}

export class Stages {
  private readonly terminal: Terminal;
  private readonly stages: readonly Stage[];
  private at = 0;
  private timedWork = 0;
  private timedSeconds = 0;

  constructor(terminal: Terminal, stages: readonly Stage[]) {
    this.terminal = terminal;
    this.stages = stages;
  }

  /** Announces the next stage and has it done. @param work tells how long it took, if it had anything to do. */
  async next<T extends { readonly seconds: number; readonly taken: boolean }>(
    work: () => Promise<T>,
  ): Promise<T> {
    const { what, work: units } = this.stages[this.at];
    this.terminal.log(`[${this.at + 1}/${this.stages.length}] ${what}${this.left()}`);
    const done = await work();
    if (done.taken) {
      this.timedWork += units;
      this.timedSeconds += done.seconds;
    }
    this.at++;
    return done;
  }

  private left(): string {
    if (this.timedWork === 0) return '';
    const work = this.stages.slice(this.at).reduce((sum, stage) => sum + stage.work, 0);
    return ` · about ${clock((this.timedSeconds / this.timedWork) * work)} left in all`;
  }
}
