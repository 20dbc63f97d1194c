/**
 * The thread an encoder lives in. ONNX Runtime's run() blocks the thread that calls it, so it is called here, and
 * the thread ends by itself when told to: ending it from outside during a run would take the process with it.
 */
import { parentPort, workerData } from 'node:worker_threads';
import { env, InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { FromWorker, OpenMessage, RunMessage, ToWorker } from './messages.ts';
import { Occupancy } from './occupancy.ts';
import { reason } from './reason.ts';
import type { Tensor } from './session.ts';
import { fromEngine, toEngine } from './tensors.ts';

// What goes wrong is thrown too, and told as a sentence; the engine would print it besides.
env.logLevel = 'fatal';

const port = parentPort!;
const occupancy = new Occupancy(workerData as SharedArrayBuffer);
let session: InferenceSession | undefined;
/** What every run is fed besides its own feeds. */
let held: Record<string, Tensor> = {};

// One after the other: a close must not overtake the runs before it.
let last: Promise<void> = Promise.resolve();
port.on('message', (message: ToWorker) => {
  last = last.then(() => handle(message));
});

/** InferenceSession.create, which computes too. */
function create(model: Uint8Array, options: InferenceSession.SessionOptions): Promise<InferenceSession> {
  return occupancy.during(() => InferenceSession.create(model, options));
}

async function handle(message: ToWorker): Promise<void> {
  switch (message.type) {
    case 'open':
      return open(message);
    case 'run':
      return run(message);
    case 'hold':
      held = { ...held, ...message.tensors };
      return;
    case 'close':
      try {
        await session?.release();
      } finally {
        port.close();
      }
  }
}

async function open({ model, provider, threads, ownLayout, probe }: OpenMessage): Promise<void> {
  const options = (strict: boolean): InferenceSession.SessionOptions => ({
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: ownLayout ? 'all' : 'extended',
    logSeverityLevel: 4,
    extra: {
      session: {
        // Spinning threads take the cores from those who cut slices.
        intra_op: { allow_spinning: '0' },
        ...(strict ? { disable_cpu_ep_fallback: '1' } : {}),
      },
    },
  });
  if (probe) {
    try {
      await (await create(probe, options(true))).release();
    } catch (error) {
      say({ type: 'failed', stage: 'device', message: reason(error) });
      return;
    }
  }
  let partlyOnCpu = false;
  try {
    if (probe) {
      try {
        session = await create(model, options(true));
      } catch {
        partlyOnCpu = true;
      }
    }
    session ??= await create(model, options(false));
    say({ type: 'ready', partlyOnCpu });
  } catch (error) {
    say({ type: 'failed', stage: 'model', message: reason(error) });
  }
}

async function run({ id, feeds, fetches }: RunMessage): Promise<void> {
  try {
    const inputs = toEngine({ ...held, ...feeds }, session!.inputNames, OrtTensor);
    const results = await occupancy.during(() =>
      fetches ? session!.run(inputs, fetches) : session!.run(inputs),
    );
    const outputs: Record<string, Tensor> = {};
    for (const [name, { data, dims }] of Object.entries(await fromEngine(results))) {
      // The engine's memory cannot be handed to another thread.
      outputs[name] = { data: data.slice(), dims };
    }
    say(
      { type: 'done', id, outputs },
      Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer),
    );
  } catch (error) {
    say({ type: 'error', id, message: reason(error) });
  }
}

function say(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}
