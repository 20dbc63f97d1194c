/**
 * Peak memory of a reconstruction for growing numbers of directions, each in a process of its own.
 *
 *     npm run bench -- memory
 */
import { spawnSync } from 'node:child_process';
import {
  createVolume,
  defaultPreprocessing,
  fibonacciDirections,
  logitResponse,
  openSession,
  parseFilter,
  prepareVolume,
  readEncoder,
  reconstruct,
} from 'tonno';
import { machine } from './support/machine.ts';
import { resnet10t } from './support/resnet10t.ts';

const own = process.argv[2];
if (own === undefined) {
  console.log(machine());
  console.log('quarter-width ResNet-10-T, volume 96³, slices of 96², M = 32; peak resident memory');
  for (const L of [25, 100, 400, 1600]) {
    const { stdout } = spawnSync(process.execPath, ['--import', 'tsx', process.argv[1], String(L)], {
      encoding: 'utf8',
    });
    console.log(`L = ${String(L).padStart(4)}: ${stdout.trim()}`);
  }
} else {
  const encoder = await readEncoder(resnet10t({ width: 16 }), 'resnet10t.onnx');
  const session = await openSession(encoder.model);
  const volume = createVolume(Float32Array.from({ length: 96 ** 3 }, Math.random), [96, 96, 96]);
  const prepared = prepareVolume(volume, defaultPreprocessing, encoder);
  const response = logitResponse(encoder, session, prepared, { size: 96 });
  const directions = fibonacciDirections(Number(own), { slices: 32 });
  await reconstruct(prepared.volume, response, directions, parseFilter('gaussian:0.06'));
  await session.close();
  console.log(`${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB`);
}
