/**
 * Figure 11 of the paper: one volume by every method at every layer. Slice-wise maps fade with depth, the average over all
 * directions holds longer, and differentiating along each holds to the last layer.
 *
 *     npm run example -- figure-11 --encoder run/encoder.onnx --volume VOLUME.nii.gz [--mask MASK.nii.gz]
 *       [--cam layercam] [--layers 1,2,3,4] [--preset standard] [--iterations 4] [--out figure-11.png]
 */
import { readFile, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import {
  BACKPROJECTION_MODULE,
  bestDice,
  type CamName,
  camNetwork,
  cams,
  decodeNifti,
  encoderResponse,
  type Heatmap,
  isGradientCam,
  type MethodName,
  methods,
  openCrew,
  openSession,
  type Plan,
  type PresetName,
  parseModel,
  passDirections,
  peakOf,
  planMethods,
  planTarget,
  prepareVolume,
  readEncoder,
  reconstructAll,
  renderSheet,
  resolveLayer,
  sharedPasses,
  type Volume,
} from 'tonno';

const { values } = parseArgs({
  options: {
    encoder: { type: 'string' },
    volume: { type: 'string' },
    mask: { type: 'string' },
    cam: { type: 'string', default: 'layercam' },
    layers: { type: 'string', default: '1,2,3,4' },
    preset: { type: 'string', default: 'standard' },
    iterations: { type: 'string' },
    out: { type: 'string', default: 'figure-11.png' },
  },
});
const cam = values.cam as CamName;
if (!values.encoder || !values.volume || !isGradientCam(cam)) {
  throw new Error(
    'Give --encoder FILE.onnx and --volume FILE.nii.gz, and a --cam that is made of gradients.',
  );
}

const open = async (path: string): Promise<Volume> =>
  (await decodeNifti(new Uint8Array(await readFile(path)), path)).volume;
const volume = await open(values.volume);
const mask = values.mask === undefined ? undefined : await open(values.mask);
const encoder = await readEncoder(new Uint8Array(await readFile(values.encoder)), values.encoder);
const model = parseModel(encoder.model, encoder.name);
const layers = values.layers.split(',').map((name) => ({ ...resolveLayer(name, model, encoder), name }));
const network = camNetwork(
  encoder,
  0,
  layers.map((layer) => ({ cam, layer })),
  { logit: true },
);
const session = await openSession(network.model);
const crew = openCrew(BACKPROJECTION_MODULE, availableParallelism());
const prepared = prepareVolume(volume, encoder.preprocessing, encoder);
const response = encoderResponse(encoder, session, prepared, network.answers);

/** Heatmaps of a method: of the logit, or of each layer. */
const made = new Map<MethodName, Heatmap[]>();
const names: MethodName[] = ['cam', 'cam-3axes', 'averaged-cam', 'tomographic-cam', 'iterative-cam', 'tonno'];
const mapsOf = ({ method }: Plan) =>
  methods[method].response === 'value' ? [0] : layers.map((_, i) => i + 1);
const iterations = values.iterations === undefined ? undefined : Number(values.iterations);
const plans = planMethods(names, { preset: values.preset as PresetName, iterations });
for (const pass of sharedPasses(plans)) {
  const { directions, uses } = passDirections(pass, volume.shape);
  const targets = pass.flatMap((plan, i) => mapsOf(plan).map((maps) => planTarget(plan, maps, uses[i])));
  const { heatmaps } = await reconstructAll(prepared.volume, response, directions, targets, { crew });
  let next = 0;
  for (const plan of pass)
    made.set(
      plan.method,
      mapsOf(plan).map(() => heatmaps[next++]),
    );
}
await crew.close();
await session.close();

const [index] = peakOf(mask ?? { ...volume, data: made.get('tonno')![0].data, channels: 1 });
/** The best Dice of any threshold, where the truth is known. */
const diceOf = ({ data }: Heatmap) => mask && bestDice(data, mask.data).dice.toFixed(2);
const cellOf = (heatmap: Heatmap) => ({
  image: volume,
  heatmap: { ...volume, data: heatmap.data, channels: 1 },
  mask,
  axis: 0 as const,
  index,
  caption: mask && `Dice ${diceOf(heatmap)}`,
});
const picture = renderSheet({
  title: `One volume by every method and layer (${cams[cam].title})`,
  columns: layers.map(({ name }) => `layer ${name}`),
  rows: names.map((name) => ({
    label:
      { tonno: 'ToNNO', cam: 'slice-wise', 'cam-3axes': 'three axes' }[name as string] ??
      name.replace('-cam', ''),
    cells: made.get(name)!.map(cellOf),
  })),
  notes: [
    `Blue negative, red positive, up to the 99.9th percentile of a heatmap's magnitudes. ToNNO looks at the logit and has no layer.${mask ? ' The truth is outlined; Dice is that of the best threshold.' : ''}`,
  ],
});
if (mask) for (const name of names) console.log(name.padEnd(16), ...made.get(name)!.map(diceOf));
await writeFile(values.out, picture);
console.log(values.out);
