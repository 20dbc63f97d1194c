/**
 * What the page tells a person: failures, which stay until they are dismissed, and short sentences for screen readers.
 * Everything that can fail ends here, so that there is one place to look at.
 */
import { signal } from '@preact/signals';
import { type Failure, failureOf } from '../remote.ts';

/** Something that can be done about a failure, as a button beside it. */
export interface Remedy {
  readonly label: string;
  act(): void;
}

export interface Notice {
  readonly id: number;
  readonly failure: Failure;
  readonly remedy?: Remedy;
}

export class News {
  readonly notices = signal<readonly Notice[]>([]);
  /** Read aloud politely. */
  readonly said = signal('');
  #count = 0;

  /** Shows what went wrong; the same once. */
  report(error: unknown, remedy?: Remedy): void {
    this.fail(failureOf(error), remedy);
  }

  fail(failure: Failure, remedy?: Remedy): void {
    const others = this.notices.value.filter(
      ({ failure: { subject, problem } }) => subject !== failure.subject || problem !== failure.problem,
    );
    this.notices.value = [...others, { id: ++this.#count, failure, ...(remedy && { remedy }) }];
  }

  dismiss(id: number): void {
    this.notices.value = this.notices.value.filter((notice) => notice.id !== id);
  }

  /** Takes away what was said about an attempt that is now made anew. */
  clear(): void {
    this.notices.value = [];
  }

  say(sentence: string): void {
    this.said.value = sentence;
  }
}
