import { availableParallelism, cpus } from 'node:os';

/** What the numbers of a bench were measured on. */
export function machine(): string {
  return `${cpus()[0].model}, ${availableParallelism()} cores, Node ${process.version}`;
}
