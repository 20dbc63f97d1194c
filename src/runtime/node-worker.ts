/**
 * The thread an encoder lives in. ONNX Runtime's run() blocks the thread that calls it, so it is called here, and
 * the thread ends by itself when told to: ending it from outside during a run would take the process with it.
 */
import { parentPort } from 'node:worker_threads';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { FromWorker, OpenMessage, RunMessage, ToWorker } from './messages.ts';
import type { Tensor, TensorData } from './session.ts';

const port = parentPort!;
let session: InferenceSession | undefined;

port.on('message', async (message: ToWorker) => {
  switch (message.type) {
    case 'open':
      await open(message);
      break;
    case 'run':
      await run(message);
      break;
    case 'close':
      await session?.release();
      port.close();
  }
});

async function open({ model, provider, threads, probe }: OpenMessage): Promise<void> {
  const options = (strict: boolean): InferenceSession.SessionOptions => ({
    executionProviders: [provider],
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: 'all',
    // What goes wrong is thrown too, and told as a sentence.
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
      await (await InferenceSession.create(probe, options(true))).release();
    } catch (error) {
      say({ type: 'failed', stage: 'device', message: firstLine(error) });
      return;
    }
  }
  let partlyOnCpu = false;
  try {
    if (probe) {
      try {
        session = await InferenceSession.create(model, options(true));
      } catch {
        partlyOnCpu = true;
      }
    }
    session ??= await InferenceSession.create(model, options(false));
    say({ type: 'ready', partlyOnCpu });
  } catch (error) {
    say({ type: 'failed', stage: 'model', message: firstLine(error) });
  }
}

async function run({ id, feeds, fetches }: RunMessage): Promise<void> {
  try {
    const inputs: Record<string, OrtTensor> = {};
    for (const [name, { data, dims }] of Object.entries(feeds)) inputs[name] = new OrtTensor(data, dims);
    const results = fetches ? await session!.run(inputs, fetches) : await session!.run(inputs);
    const outputs: Record<string, Tensor> = {};
    for (const [name, tensor] of Object.entries(results)) {
      // The engine's memory cannot be handed to another thread.
      outputs[name] = { data: (tensor.data as TensorData).slice(), dims: tensor.dims };
    }
    say(
      { type: 'done', id, outputs },
      Object.values(outputs).map(({ data }) => data.buffer as ArrayBuffer),
    );
  } catch (error) {
    say({ type: 'error', id, message: firstLine(error) });
  }
}

function say(message: FromWorker, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0];
}
