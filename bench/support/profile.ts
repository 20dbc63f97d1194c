/** Where the time of a graph goes: milliseconds an operator, by ONNX Runtime's own profiler, on one thread. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { InferenceSession, Tensor as OrtTensor } from 'onnxruntime-node';
import type { Tensor } from 'tonno';

interface ProfileEvent {
  readonly cat: string;
  readonly name: string;
  /** Microseconds. */
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** @returns operators with their milliseconds a run, the dearest first. */
export async function profile(
  model: Uint8Array,
  feeds: Readonly<Record<string, Tensor>>,
  runs = 5,
): Promise<[operator: string, milliseconds: number][]> {
  const folder = mkdtempSync(join(tmpdir(), 'tonno-profile-'));
  try {
    const session = await InferenceSession.create(model, {
      intraOpNumThreads: 1,
      graphOptimizationLevel: 'extended',
      enableProfiling: true,
      profileFilePrefix: join(folder, 'run'),
    });
    const inputs = Object.fromEntries(
      Object.entries(feeds).map(([name, { data, dims }]) => [
        name,
        new OrtTensor(data as Float32Array, dims),
      ]),
    );
    for (let run = 0; run < runs; run++) await session.run(inputs);
    session.endProfiling();
    await session.release();
    const [file] = readdirSync(folder);
    const events = JSON.parse(readFileSync(join(folder, file), 'utf8')) as ProfileEvent[];
    const sums = new Map<string, number>();
    for (const { cat, name, dur, args } of events) {
      if (cat !== 'Node' || !name.endsWith('kernel_time') || !args?.op_name) continue;
      sums.set(args.op_name, (sums.get(args.op_name) ?? 0) + dur / 1000 / runs);
    }
    return [...sums].sort((a, b) => b[1] - a[1]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
