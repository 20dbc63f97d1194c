/**
 * Long computations on the main thread give way to others at short intervals. A whole reconstruction shares one
 * clock, so that calling `pause` often costs a glance at it and no more.
 */

/** Milliseconds of work after which others get their turn: signals, workers' messages, a page's input. */
const TURN = 20;
let turnEnds = 0;

/** Lets the event loop run when it has been kept waiting for a while. */
export async function pause(): Promise<void> {
  if (performance.now() < turnEnds) return;
  await new Promise<void>((resume) => {
    if (typeof setImmediate === 'function') setImmediate(resume);
    else setTimeout(resume);
  });
  turnEnds = performance.now() + TURN;
}
