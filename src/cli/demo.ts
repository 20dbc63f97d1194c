/**
 * tonno demo: the whole way on a phantom, without any input. First the paper's own proof, R⁻¹R_Σ V ≈ V with the
 * mean response; then ToNNO with the small encoder that is part of the package; then one picture of it all.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { lesionPhantom, type PhantomLesion } from '../datasets/phantom.ts';
import { type Encoder, readEncoder } from '../encoders/external.ts';
import { prepareVolume } from '../encoders/preprocessing.ts';
import { agreementInBall } from '../evaluation/agreement.ts';
import { peaks } from '../evaluation/peaks.ts';
import { axisDirections } from '../geometry/directions.ts';
import { Stack } from '../geometry/stack.ts';
import { planMethod } from '../reconstruction/methods.ts';
import { renderMontage } from '../report/montage.ts';
import { logitResponse } from '../responses/logit.ts';
import { meanResponse } from '../responses/pooled.ts';
import type { Response } from '../responses/response.ts';
import { engine, openSession } from '../runtime/node.ts';
import { VERSION } from '../version.ts';
import type { Vector, Volume } from '../volume/volume.ts';
import { prepareFolder, readBytes, writeWhole } from './files.ts';
import { type HeatmapResult, makeHeatmaps } from './heatmap.ts';
import { wholeNumber } from './options.ts';
import type { Run } from './run.ts';
import { volumeBytes } from './volumes.ts';

/** The encoder that is part of the package: a matched filter with weights set by hand. */
const ENCODER = fileURLToPath(new URL('../../assets/matched-filter.onnx', import.meta.url));
/** Side of a slice: the phantom has 64 voxels a side, and more pixels would show nothing new. */
const SIZE = 64;

export function addDemo(program: Command, run: Run): void {
  program
    .command('demo')
    .summary('the whole way on a phantom, in under two minutes')
    .description(
      'Make a phantom with lesions, prove G ≈ V on it, and find its lesions with the encoder that ships.',
    )
    .option('-o, --out <folder>', 'where results go; made if missing', 'tonno-demo')
    .option('--seed <n>', 'of the phantom', wholeNumber(0, 2 ** 31 - 1), 0)
    .action((options: { out: string; seed: number }) => run(() => demo(options, run)));
}

async function demo({ out, seed }: { out: string; seed: number }, run: Run): Promise<void> {
  const { terminal, signal } = run;
  const started = performance.now();
  await prepareFolder(out);

  const { image, mask, lesions } = lesionPhantom({ seed });
  const phantom: Volume = { ...image, name: join(out, 'phantom.nii.gz') };
  const truth = join(out, 'phantom_mask.nii.gz');
  await writeWhole({
    [phantom.name!]: await volumeBytes(phantom, {
      datatype: 'float32',
      description: `tonno ${VERSION} phantom seed=${seed}`,
    }),
    [truth]: await volumeBytes(mask, {
      datatype: 'uint8',
      description: `tonno ${VERSION} phantom truth seed=${seed}`,
    }),
  });
  terminal.log(`Phantom of ${phantom.shape.join(' × ')} voxels with ${lesions.length} lesions.`);

  terminal.log('The paper’s own proof: the mean of every slice, reconstructed, is the volume again.');
  const [proof] = await makeHeatmaps({
    name: 'phantom-proof',
    sliced: phantom,
    input: phantom,
    response: meanResponse({ rows: SIZE, columns: SIZE }),
    wanted: [{ plan: planMethod({ method: 'tonno', directions: 500, slices: 100, plain: true }), maps: 0 }],
    folder: out,
    signal,
    terminal,
    record: { device: 'cpu' },
  });
  const agreement = agreementInBall(proof.values.data, phantom);
  terminal.print(
    `G ≈ V with the mean response: correlation ${agreement.correlation.toFixed(4)}, relative error ${agreement.error.toFixed(3)} in the ball`,
  );
  terminal.print(
    '      (details as fine as a voxel, vessels above all, are lost; a smooth phantom: npm run bench -- proof)',
  );

  const encoder = await readEncoder(await readBytes(ENCODER), 'matched-filter.onnx');
  terminal.log(`ToNNO with ${encoder.metadata.name ?? encoder.name}.`);
  const session = await openSession(encoder.model, { name: encoder.name });
  let made: HeatmapResult;
  let profiles: AxisProfile[];
  try {
    const prepared = prepareVolume(phantom, encoder.preprocessing, encoder);
    const response = logitResponse(encoder, session, prepared, { size: SIZE });
    [made] = await makeHeatmaps({
      name: 'phantom',
      sliced: prepared.volume,
      input: phantom,
      response,
      wanted: [{ plan: planMethod({ method: 'tonno' }), maps: 0 }],
      folder: out,
      signal,
      terminal,
      record: encoderRecord(encoder),
    });
    profiles = await axisProfiles(prepared.volume, response);
  } finally {
    await session.close();
  }
  const heatmap: Volume = { ...phantom, data: made.values.data };
  const ranked = peaks(heatmap);
  const ranks = lesions
    .map((lesion) => 1 + ranked.findIndex(({ voxel }) => isIn(lesion, voxel)))
    .sort((a, b) => a - b);
  const found = ranks.filter((rank) => rank > 0);
  terminal.print(
    `ToNNO: ${found.length} of ${lesions.length} lesions are peaks of the heatmap, number ${found.join(', ')} by height`,
  );
  terminal.print(
    '       (weights set by hand take bright vessels for lesions too; a trained encoder learns better)',
  );

  const picture = join(out, 'phantom_montage.png');
  const { directionsDone, slices, filter } = made.record as {
    directionsDone: number;
    slices: number;
    filter: string;
  };
  await writeWhole({
    [picture]: renderMontage({
      title: 'ToNNO on a phantom: volume, heatmap, logits along the axes',
      image: phantom,
      heatmap,
      mask,
      profiles,
      notes: [
        `${directionsDone} directions × ${slices} slices, ${filter}; encoder: ${encoder.metadata.name ?? encoder.name}`,
        'Blue is negative, red positive; the outline is the truth.',
      ],
    }),
  });
  const files = {
    phantom: phantom.name!,
    truth,
    proof: proof.heatmap,
    heatmap: made.heatmap,
    sidecar: made.sidecar,
    picture,
  };
  for (const [what, path] of Object.entries(files)) terminal.print(`${what.padEnd(9)} ${path}`);
  const seconds = Math.round((performance.now() - started) / 100) / 10;
  terminal.log(`Done in ${seconds} s.`);
  terminal.result({
    command: 'demo',
    seed,
    proof: agreement,
    lesions: lesions.length,
    ranks,
    files,
    seconds,
  });
}

function encoderRecord(encoder: Encoder): Record<string, unknown> {
  const { name, sha256, metadata, preprocessing } = encoder;
  return {
    encoder: { file: name, sha256, name: metadata.name },
    preprocessing,
    engine: engine(),
    device: 'cpu',
  };
}

interface AxisProfile {
  readonly axis: 0 | 1 | 2;
  readonly position: number[];
  readonly values: number[];
}

/** Logits of the slices on the voxels' planes along each array axis (Fig. 2b). */
async function axisProfiles(volume: Volume, response: Response): Promise<AxisProfile[]> {
  const profiles: AxisProfile[] = [];
  for (const axis of [0, 1, 2] as const) {
    const [direction] = axisDirections(volume.shape, [axis]);
    const stack = new Stack(volume, direction, response.size, 0);
    const [{ data }] = await response.respond(stack);
    const position = Array.from(data, (_, m) => stack.offset(m));
    profiles.push({ axis, position, values: Array.from(data) });
  }
  return profiles;
}

/** Whether a voxel lies in a lesion or at its rim. */
function isIn({ centre, radii }: PhantomLesion, voxel: Vector): boolean {
  const rim = 1;
  return voxel.reduce((sum, v, a) => sum + ((v - centre[a]) / (radii[a] + rim)) ** 2, 0) <= 1;
}
