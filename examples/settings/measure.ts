/** The measurement: every setting on every positive case, as Dice at the one threshold that suits all cases best. */
import { readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { dirname, resolve } from 'node:path';
import {
  BACKPROJECTION_MODULE,
  camNetwork,
  decodeNifti,
  encoderResponse,
  fibonacciDirections,
  openCrew,
  openSession,
  parseCohort,
  parseFilter,
  parseModel,
  prepareVolume,
  readEncoder,
  reconstructAll,
  resolveLayer,
  type Volume,
} from 'tonno';

export interface Choice {
  readonly slices: readonly number[];
  readonly directions: readonly number[];
  readonly filters: readonly string[];
  /** Layer of Tomographic LayerCAM. */
  readonly layer: string;
  /** Side of a slice. */
  readonly size: number;
  readonly seed: number;
}

export interface Result {
  readonly method: 'ToNNO' | 'Tomographic LayerCAM';
  readonly slices: number;
  readonly directions: number;
  readonly filter: string;
  /** Mean over cases at the one threshold that makes it largest. */
  readonly dice: number;
  /** Mean of each case's own best. */
  readonly bestDice: number;
}

/** Steps of the threshold, from 0 to the largest value of any heatmap. */
const THRESHOLDS = 400;

interface Curve {
  /** Values of a heatmap in the mask and outside it, largest first. */
  readonly inside: Float32Array;
  readonly outside: Float32Array;
}

/**
 * Directions are the first L of the longest list, in the order of visiting, which spreads every beginning over the
 * sphere: so one pass for each M gives all L and all filters.
 */
export async function measure(
  table: string,
  encoderPath: string,
  { slices, directions, filters, layer, size, seed }: Choice,
  log: (line: string) => void,
): Promise<Result[]> {
  const open = async (path: string): Promise<Volume> => {
    const file = resolve(dirname(table), path);
    return (await decodeNifti(new Uint8Array(await readFile(file)), file)).volume;
  };
  const cohort = parseCohort(await readFile(table, 'utf8'), table);
  const cases = cohort.cases.filter(({ split, mask }) => split === 'validation' && mask !== undefined);
  const encoder = await readEncoder(new Uint8Array(await readFile(encoderPath)), encoderPath);
  const side = { rows: size, columns: size };
  const model = parseModel(encoder.model, encoder.name);
  const own = { ...resolveLayer(layer, model, encoder, { size: side }), name: layer };
  const network = camNetwork(encoder, 0, [{ cam: 'layercam', layer: own }], { logit: true, size: side });
  const session = await openSession(network.model);
  const crew = openCrew(BACKPROJECTION_MODULE, availableParallelism());
  const results: Result[] = [];
  try {
    for (const m of slices) {
      const list = fibonacciDirections(Math.max(...directions), { slices: m, seed });
      const place = new Map(list.map((direction, i) => [direction, i]));
      const wanted = (['ToNNO', 'Tomographic LayerCAM'] as const).flatMap((method, maps) =>
        directions.flatMap((l) => filters.map((filter) => ({ method, maps, l, filter }))),
      );
      const targets = wanted.map(({ maps, l, filter }) => ({
        maps,
        filter: parseFilter(filter),
        uses: (direction: (typeof list)[number]) => place.get(direction)! < l,
      }));
      const curves: Curve[][] = wanted.map(() => []);
      for (const [i, row] of cases.entries()) {
        const [volume, mask] = [await open(row.images[0]), await open(row.mask!)];
        const prepared = prepareVolume(volume, encoder.preprocessing, encoder);
        const response = encoderResponse(encoder, session, prepared, network.answers, { size });
        const { heatmaps } = await reconstructAll(prepared.volume, response, list, targets, { crew });
        for (const [k, { data }] of heatmaps.entries()) curves[k].push(curveOf(data, mask.data));
        log(`M = ${m}: ${i + 1} of ${cases.length} cases`);
      }
      for (const [k, { method, l, filter }] of wanted.entries()) {
        results.push({ method, slices: m, directions: l, filter, ...diceOf(curves[k]) });
      }
    }
  } finally {
    await crew.close();
    await session.close();
  }
  return results;
}

/** Only values above 0 are ever marked. */
function curveOf(values: Float32Array, mask: Float32Array): Curve {
  const side = (in_: boolean) =>
    values.map((value, i) => (mask[i] > 0.5 === in_ ? value : 0)).filter((value) => value > 0);
  const inside = side(true).sort().reverse();
  // The mask's size is needed whatever its values are.
  const size = mask.reduce((sum, value) => sum + (value > 0.5 ? 1 : 0), 0);
  const padded = new Float32Array(size);
  padded.set(inside);
  return { inside: padded, outside: side(false).sort().reverse() };
}

function diceOf(curves: readonly Curve[]): Pick<Result, 'dice' | 'bestDice'> {
  const largest = Math.max(...curves.map(({ inside, outside }) => Math.max(inside[0] ?? 0, outside[0] ?? 0)));
  const sums = new Float64Array(THRESHOLDS);
  const best = new Float64Array(curves.length);
  for (const [c, { inside, outside }] of curves.entries()) {
    let [hit, marked] = [0, 0];
    for (let step = THRESHOLDS - 1; step >= 0; step--) {
      const threshold = (largest * step) / THRESHOLDS;
      while (hit < inside.length && inside[hit] > threshold) hit++;
      while (marked < outside.length && outside[marked] > threshold) marked++;
      const dice = (2 * hit) / (hit + marked + inside.length);
      sums[step] += dice / curves.length;
      best[c] = Math.max(best[c], dice);
    }
  }
  return { dice: Math.max(...sums), bestDice: best.reduce((a, b) => a + b, 0) / best.length };
}
