/** `tonno app` and `tonno view` as processes, as their users start them. */
import { start } from '../../../support/cli.ts';

export interface Served {
  /** Where the page is, token and all. */
  readonly address: string;
  stop(): Promise<void>;
}

/** Starts the command on a free port and waits until it says where it listens. */
export async function serve(command: 'app' | 'view', ...paths: readonly string[]): Promise<Served> {
  const started = start([command, ...paths, '--no-open'], { timeout: 300_000 });
  const address = await new Promise<string>((resolve, reject) => {
    let said = '';
    const read = (chunk: unknown) => {
      said += String(chunk);
      const found = /http:\/\/(?:127\.0\.0\.1|localhost):\d+\S*/.exec(said);
      if (found) resolve(found[0]);
    };
    started.process.stdout?.on('data', read);
    started.process.stderr?.on('data', read);
    started.outcome.then(
      ({ code, stderr }) => reject(new Error(`tonno ${command} ended with ${code}:\n${stderr}`)),
      reject,
    );
  });
  return {
    address,
    async stop() {
      started.process.kill('SIGTERM');
      await started.outcome.catch(() => {});
    },
  };
}
