/**
 * What a command says and where: results on stdout, everything else on stderr; with --json exactly one object on
 * stdout. A progress line is redrawn in place on a terminal and is a line now and then where there is none.
 */

/** Milliseconds between redraws on a terminal, and between lines in a log. */
const REDRAW = 100;
const LOG_EVERY = 30_000;
/** Cells of a bar, and as few as are still worth drawing where there is little room. */
const BAR = 16;
const LEAST_BAR = 4;

export class Terminal {
  readonly json: boolean;
  private line = '';

  constructor(json: boolean) {
    this.json = json;
  }

  /** A line about what is going on. */
  log(text: string): void {
    this.clear();
    process.stderr.write(`${text}\n`);
  }

  warn(text: string): void {
    this.log(`warning: ${text}`);
  }

  /** A line of the result; left out with --json, where `result` says all. */
  print(text: string): void {
    if (this.json) return;
    this.clear();
    process.stdout.write(`${text}\n`);
  }

  /** The result as one JSON object; nothing without --json. */
  result(value: unknown): void {
    if (this.json) process.stdout.write(`${JSON.stringify(value)}\n`);
  }

  progress(label: string): ProgressLine {
    return new ProgressLine(this, label);
  }

  /** Draws the progress line, cut to the terminal's width. */
  draw(text: string): void {
    const width = columns();
    this.line = text.length < width ? text : `${text.slice(0, Math.max(0, width - 2))}…`;
    process.stderr.write(`\r\u001b[2K${this.line}`);
  }

  clear(): void {
    if (this.line) process.stderr.write('\r\u001b[2K');
    this.line = '';
  }
}

/** How far a piece of work is, at which rate, and how long it will still take. */
export class ProgressLine {
  private readonly terminal: Terminal;
  private readonly label: string;
  private readonly started = performance.now();
  private drawn = 0;

  constructor(terminal: Terminal, label: string) {
    this.terminal = terminal;
    this.label = label;
    this.drawn = process.stderr.isTTY ? 0 : this.started;
  }

  /**
   * @param units what is counted, for instance "directions"; empty where the label says it.
   * @param rate a finer count for the rate, for instance slices.
   * @param from what was done before this line began, which no time left is reckoned from.
   * @param facts what else is to be said, for instance a loss; the bar leaves room for it.
   * @param left seconds left, where this line is not all there is to do; the bar leaves room for them.
   */
  update(
    done: number,
    total: number,
    units: string,
    rate: { count: number; units: string },
    { from = 0, facts: more = '', left: known }: { from?: number; facts?: string; left?: number } = {},
  ): void {
    const now = performance.now();
    if (now - this.drawn < (process.stderr.isTTY ? REDRAW : LOG_EVERY)) return;
    this.drawn = now;
    const seconds = (now - this.started) / 1000;
    const share = done / total;
    const own = done > from ? (seconds / (done - from)) * (total - done) : Number.POSITIVE_INFINITY;
    const left = known ?? own;
    const speed = (rate.count / seconds).toFixed(rate.count / seconds < 10 ? 1 : 0);
    const count = `${done}/${total}${units && ` ${units}`}`;
    // What is longest comes last, where a narrow terminal cuts it off.
    const facts = `${count} · ${speed} ${rate.units}/s · ${Number.isFinite(left) ? clock(left) : '?'} left${more && ` · ${more}`}`;
    if (process.stderr.isTTY) {
      const tight = more || known !== undefined;
      const room = tight ? columns() - `${this.label}  ${facts}`.length - 1 : BAR;
      this.terminal.draw(`${this.label} ${bar(share, Math.min(room, BAR))}${facts}`);
    } else this.terminal.log(`${this.label}: ${facts}`);
  }

  end(): void {
    this.terminal.clear();
  }
}

/** A bar and a space, or nothing where there is no room for one. */
function bar(share: number, cells: number): string {
  if (cells < LEAST_BAR) return '';
  const full = Math.round(share * cells);
  return `${'█'.repeat(full)}${'░'.repeat(cells - full)} `;
}

function columns(): number {
  // Some terminals say that they are 0 wide.
  return process.stderr.columns || 80;
}

/** Seconds as 0:42, 12:05 or 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h > 0 ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}
