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

/** Share of the work that must have been timed: what is shorter takes its time for other things. */
const TELLING = 0.05;

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
    const sum = (stages: readonly Stage[]) => stages.reduce((total, stage) => total + stage.work, 0);
    if (this.timedWork < TELLING * sum(this.stages)) return '';
    const work = sum(this.stages.slice(this.at));
    return ` · about ${clock((this.timedSeconds / this.timedWork) * work)} left in all`;
  }
}
