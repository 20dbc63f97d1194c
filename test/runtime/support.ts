/** What the tests of sessions share: inputs, small models, the engine's own answers, and processes of their own. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Tensor } from '../../src/runtime/session.ts';
import { node, onnx, value, weights } from '../onnx/fixture.ts';

const root = new URL('../../', import.meta.url);

export const matchedFilter = new Uint8Array(readFileSync(new URL('assets/matched-filter.onnx', root)));

/** Images of smooth values that differ from one `seed` to the next. */
export function image(seed: number, ...dims: number[]): Tensor {
  const length = dims.reduce((a, b) => a * b, 1);
  return {
    data: Float32Array.from({ length }, (_, i) => Math.sin((i + 1) * (0.11 + 0.007 * seed)) + seed),
    dims,
  };
}

/** Two inputs of rows of four, three outputs: "sum", "product" and "larger". */
export const arithmetic = onnx({
  inputs: [value('a', ['n', 4]), value('b', ['n', 4])],
  outputs: [value('sum'), value('product'), value('larger')],
  nodes: [node('Add', 'a,b', 'sum'), node('Mul', 'a,b', 'product'), node('Max', 'a,b', 'larger')],
});

/** A convolution of "x" [n, 1, 16, 16]. */
export const convolution = onnx({
  nodes: [node('Conv', 'x,w', 'y', { pads: [1, 1, 1, 1] })],
  initialisers: [weights('w', [4, 1, 3, 3])],
});

/** Det is an operator that WebGPU lacks. */
export const partlyForCpu = onnx({ nodes: [node('Relu', 'x', 'r'), node('Det', 'r', 'y')] });

/** Sound as a file, but no engine has its operator. */
export const unknownOperator = onnx({ nodes: [node('Wonder', 'x', 'y')] });

/** The engine's answers without anything of ours between. */
export async function reference(
  model: Uint8Array,
  feeds: readonly Record<string, Tensor>[],
): Promise<Record<string, Tensor>[]> {
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    logSeverityLevel: 4,
  });
  const answers: Record<string, Tensor>[] = [];
  for (const feed of feeds) {
    const inputs = Object.entries(feed).map(([k, { data, dims }]) => [k, new OrtTensor(data, dims)] as const);
    const outputs = await session.run(Object.fromEntries(inputs));
    answers.push(
      Object.fromEntries(
        Object.entries(outputs).map(([k, { data, dims }]) => [
          k,
          { data: (data as Float32Array).slice(), dims },
        ]),
      ),
    );
  }
  await session.release();
  return answers;
}

export function largestDifference(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  return Array.from(a).reduce<number>((most, v, i) => Math.max(most, Math.abs(Number(v) - Number(b[i]))), 0);
}

/** What rejects with an error, as that error. */
export async function errorOf(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: Error) => error,
  );
  if (!outcome) throw new Error('It did not fail.');
  return outcome;
}

/** One line for a person: no C++ source, no signatures, no empty ends. */
export const sentence = /^(?!.*(?:\.cc:|\.h:|onnxruntime_src|::|ERROR_CODE))[^\n]+[.!?]$/;

/** SwiftShader, the GPU that Chromium computes on the CPU when there is none. Debian: apt-get install chromium. */
const chromium = '/usr/lib/chromium';
export const swiftShader = existsSync(`${chromium}/vk_swiftshader_icd.json`);
export const withSwiftShader = {
  VK_ICD_FILENAMES: `${chromium}/vk_swiftshader_icd.json`,
  LD_LIBRARY_PATH: chromium,
};
export const withoutVulkan = { VK_ICD_FILENAMES: '/nowhere.json', VK_DRIVER_FILES: '/nowhere.json' };

/** Whether the CUDA libraries of ONNX Runtime are installed. */
export const cudaLibraries = readdirSync(new URL('node_modules/onnxruntime-node/bin/', root), {
  recursive: true,
  encoding: 'utf8',
}).some((file) => file.includes('providers_cuda'));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a script in a process of its own, with `openSession` and `models` at hand. One that does not end by itself
 * within 20 seconds is killed: its signal is SIGKILL.
 */
export function inProcess(script: string, env: Record<string, string> = {}): Promise<Ended> {
  const models = { matchedFilter, arithmetic, convolution, partlyForCpu, unknownOperator };
  const encoded = Object.entries(models).map(([name, bytes]) => [
    name,
    Buffer.from(bytes).toString('base64'),
  ]);
  const source = `
    import { openSession } from ${JSON.stringify(new URL('dist/runtime/node.js', root).href)};
    const models = Object.fromEntries(${JSON.stringify(encoded)}.map(([k, v]) => [k, new Uint8Array(Buffer.from(v, 'base64'))]));
    const image = (...dims) => ({ data: Float32Array.from({ length: dims.reduce((a, b) => a * b, 1) }, (_, i) => Math.sin(i)), dims });
    ${script}`;
  return runScript(source, { env, timeout: 20_000 });
}

/** Runs a module in a process of its own; one that does not end within the time is killed. */
export function runScript(
  source: string,
  { env = {}, timeout }: { env?: Record<string, string>; timeout: number },
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--input-type=module', '-'], {
      cwd: fileURLToPath(root),
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      timeout,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (text) => {
      stdout += text;
    });
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
    child.stdin.end(source);
  });
}
