/** What threads run in place of an adapter where their fate is tested. */
import { Worker } from 'node:worker_threads';

const answer = { cases: [], files: {}, warnings: [], remarks: [] };
const GREEDY = 'const all = []; for (;;) all.push(new Array(1e5).fill(all.length));';

export async function handle({ study, stop }) {
  const { deed, begun } = study.source;
  if (begun) Atomics.add(begun, 0, 1);
  switch (deed) {
    case 'prepare':
      return { value: answer };
    case 'refuse':
      return { value: { problem: 'It is no use.' } };
    case 'throw':
      throw new Error('out of the blue');
    case 'exit':
      return process.exit(3);
    case 'fault':
      setTimeout(() => {
        throw new Error('on its own');
      });
      return new Promise(() => {});
    case 'memory': {
      // The engine's own error, from a thread that has little.
      const limits = { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 };
      const thread = new Worker(GREEDY, { eval: true, resourceLimits: limits, stderr: true });
      thread.on('error', (error) => {
        throw error;
      });
      return new Promise(() => {});
    }
    case 'wait':
      while (Atomics.load(stop, 0) === 0) await new Promise((resolve) => setTimeout(resolve, 5));
      if (begun) Atomics.add(begun, 0, 100);
      return { value: { problem: 'It was stopped.' } };
    case 'spin':
      for (;;);
  }
}
