/**
 * One small family of errors. Every message is made of sentences: which file or thing, what is wrong with
 * it, and what to do. The command line prints the message alone; a stack trace is for faults of ours.
 */

interface TonnoErrorOptions {
  /** What to do about it, as a sentence. */
  readonly remedy?: string;
  readonly cause?: unknown;
}

/** Something outside the program is not as it must be: a file, a model, a device, a setting. */
export class TonnoError extends Error {
  override readonly name: string = 'TonnoError';
  /** The file or thing the error is about. */
  readonly subject: string;
  /** What is wrong with it, as a sentence. */
  readonly problem: string;
  /** What to do, as a sentence; empty when nothing can be advised. */
  readonly remedy: string;

  constructor(subject: string, problem: string, { remedy = '', cause }: TonnoErrorOptions = {}) {
    super([`${subject}: ${problem}`, remedy].filter(Boolean).join(' '), cause === undefined ? {} : { cause });
    this.subject = subject;
    this.problem = problem;
    this.remedy = remedy;
  }
}

/** A file or array that cannot be used as a volume. */
export class VolumeError extends TonnoError {
  override readonly name = 'VolumeError';
}

/** A model that cannot be used as a 2D encoder, or not with this volume. */
export class EncoderError extends TonnoError {
  override readonly name = 'EncoderError';
}

/** A device that is not there, or that failed. */
export class DeviceError extends TonnoError {
  override readonly name = 'DeviceError';
}

/** Options that make no sense together or have values out of range. */
export class UsageError extends TonnoError {
  override readonly name = 'UsageError';
}

/** Names in a sentence, the first few where there are many: "a, b, c and 4 more". */
export function listed(names: readonly string[], most = 10): string {
  const more = names.length - most;
  return more > 0 ? `${names.slice(0, most).join(', ')} and ${more} more` : names.join(', ');
}
