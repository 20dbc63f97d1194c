/**
 * What answers to the slices of volumes: an encoder with its sessions, or a response that needs none. The passes over a
 * volume that the chosen methods share are settled here, and which maps each of their heatmaps is made of; sessions are
 * opened once for all volumes. The command line and the page both ask here, so that equal settings make equal heatmaps.
 */
import { resolveClass } from '../encoders/classes.ts';
import { type Encoder, readEncoder } from '../encoders/external.ts';
import { resolveLayer } from '../encoders/layers.ts';
import type { PixelScaling } from '../encoders/pixels.ts';
import { type Preprocessing, prepareVolume } from '../encoders/preprocessing.ts';
import { UsageError } from '../errors.ts';
import type { SliceSize } from '../geometry/sampler.ts';
import { parseModel } from '../onnx/model.ts';
import { type CamName, isGradientCam } from '../responses/cam/cams.ts';
import type { CamLayer } from '../responses/cam/layer.ts';
import { type CamRequest, camNetwork } from '../responses/cam/network.ts';
import { type ScoreCamCost, scoreCamModel, scoreCamResponse } from '../responses/cam/score-cam.ts';
import { type Answer, DEFAULT_SIZE, encoderResponse, sliceSize } from '../responses/encoder.ts';
import { joinResponses } from '../responses/joined.ts';
import { logitAnswer } from '../responses/logit.ts';
import { meanResponse, pooledResponse } from '../responses/pooled.ts';
import type { Response } from '../responses/response.ts';
import { parseDevice } from '../runtime/devices.ts';
import type { Session, SessionOptions } from '../runtime/session.ts';
import { type Box, wholeBox } from '../volume/crop.ts';
import type { Volume } from '../volume/volume.ts';
import { type MethodName, methods, type Plan, sharedPasses } from './methods.ts';

/** What runs networks here. */
export interface Platform {
  openSession(model: Uint8Array, options: SessionOptions): Promise<Session>;
  /** Name and version of the engine, for records. */
  readonly engine: string;
}

/** An encoder's file. */
export interface EncoderFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface EngineOptions {
  readonly encoder?: EncoderFile;
  /** `mean` or `pooled:N`; the encoder where it is `logit` or absent. */
  readonly response?: string;
  readonly cam?: readonly CamName[];
  /** By number or name, see `resolveLayer`. */
  readonly layer?: readonly string[];
  /** Side of a slice in pixels. */
  readonly size?: number;
  /** Number or name. */
  readonly class?: string;
  /** One of `devices`, or auto. */
  readonly device: string;
  readonly threads?: number;
  /** Slices in one run of the encoder. */
  readonly batch?: number;
  /** Bytes for the masked slices of ScoreCAM. */
  readonly memory?: number;
  readonly layout?: 'nchw' | 'nhwc';
  readonly input?: string;
  readonly output?: string;
  /** What the encoder's file does not say, or is not to be taken from it. */
  readonly preprocessing?: Partial<Preprocessing>;
}

/** One heatmap of a pass. */
export interface WantedHeatmap {
  readonly plan: Plan;
  /** Index of the maps it is made of among the response's names. */
  readonly maps: number;
  /** What tells it from others in the names of files, `cam-layercam_layer-2`. */
  readonly entities?: Readonly<Record<string, string>>;
  /** What else its record says. */
  readonly record?: Readonly<Record<string, unknown>>;
}

/** Heatmaps that are made in one pass over a volume. */
export interface Pass {
  readonly response: Response;
  readonly wanted: readonly WantedHeatmap[];
}

/** A volume made ready: what is sliced, what answers, and what to write down about it. */
export interface Readied {
  readonly sliced: Volume;
  /** Where `sliced` lies in the volume that was made ready. */
  readonly box: Box;
  readonly passes: readonly Pass[];
  readonly record: Readonly<Record<string, unknown>>;
}

export interface Engine {
  /** What it is, in one line; empty where there is no encoder. */
  readonly description: string;
  /** @param onScoreCamCost is told what ScoreCAM costs when its first slice is done. */
  ready(volume: Volume, onScoreCamCost: (cost: ScoreCamCost) => void): Readied;
  close(): Promise<void>;
}

/**
 * @param plans one a method.
 * @throws UsageError for options that contradict one another or the encoder, DeviceError, EncoderError.
 */
export async function openEngine(
  options: EngineOptions,
  plans: readonly Plan[],
  platform: Platform,
): Promise<Engine> {
  const { response = 'logit' } = options;
  if (response !== 'logit') return simpleEngine(response, options, plans);
  return EncoderEngine.open(options, plans, platform);
}

/** Mean and pooling, which look at no encoder. */
function simpleEngine(name: string, options: EngineOptions, plans: readonly Plan[]): Engine {
  const response = simpleResponse(name, options);
  const onMaps = plans.find(({ method }) => methods[method].response === 'map');
  if (name === 'mean' && onMaps) throw needsMaps(onMaps.method, name);
  const passes = sharedPasses(plans).map((pass) => ({
    response,
    wanted: pass.map((plan) => ({ plan, maps: 0 })),
  }));
  return {
    description: '',
    ready: (sliced) => ({ sliced, box: wholeBox(sliced.shape), passes, record: { device: 'cpu' } }),
    async close() {},
  };
}

function needsMaps(method: MethodName, response: string): UsageError {
  return new UsageError(
    `--method ${method}`,
    `${methods[method].title} needs a response that makes maps; ${response} has one value a slice.`,
    { remedy: 'Give an --encoder, or use --response pooled:N or the method tonno.' },
  );
}

/** Plans of one pass, and the graphs that answer to it. */
interface EncoderPass {
  readonly plans: readonly Plan[];
  readonly networks: readonly OpenNetwork[];
}

/** An encoder in as many sessions as the passes need: its logit alone, with maps, and for ScoreCAM. */
class EncoderEngine implements Engine {
  readonly description: string;
  readonly #encoder: Encoder;
  readonly #options: EngineOptions;
  readonly #platform: Platform;
  readonly #index: number;
  readonly #maps: MapChoice;
  readonly #passes: readonly EncoderPass[];

  static async open(
    options: EngineOptions,
    plans: readonly Plan[],
    platform: Platform,
  ): Promise<EncoderEngine> {
    if (!options.encoder) {
      throw new UsageError('--encoder', 'The response logit needs the file of an encoder.', {
        remedy: 'Add --encoder FILE.onnx, or use --response mean.',
      });
    }
    const device = parseDevice(options.device);
    const { bytes, name } = options.encoder;
    const encoder = await readEncoder(bytes, name, {
      preprocessing: options.preprocessing,
      layout: options.layout,
      input: options.input,
      output: options.output,
    });
    const index = resolveClass(encoder, options.class);
    const size = sliceSize(encoder, options.size);
    const maps = chooseMaps(options, encoder, plans, size);
    const open = new Map<string, OpenNetwork>();
    try {
      const passes: EncoderPass[] = [];
      for (const pass of sharedPasses(plans)) {
        const networks = networksOf(pass, encoder, index, maps, size);
        for (const network of networks) {
          if (open.has(network.key)) continue;
          const { threads } = options;
          const made = network.make();
          const session = await platform.openSession(made.model, {
            device,
            threads,
            name: encoder.name,
          });
          open.set(network.key, { ...made, layers: maps.layers, session });
        }
        passes.push({ plans: pass, networks: networks.map(({ key }) => open.get(key)!) });
      }
      return new EncoderEngine(options, platform, encoder, index, maps, passes);
    } catch (error) {
      await Promise.all([...open.values()].map(({ session }) => session.close()));
      throw error;
    }
  }

  private constructor(
    options: EngineOptions,
    platform: Platform,
    encoder: Encoder,
    index: number,
    maps: MapChoice,
    passes: readonly EncoderPass[],
  ) {
    this.#encoder = encoder;
    this.#options = options;
    this.#platform = platform;
    this.#index = index;
    this.#maps = maps;
    this.#passes = passes;
    this.description = describe(encoder, index, this.#sessions());
  }

  #sessions(): Session[] {
    return [...new Set(this.#passes.flatMap(({ networks }) => networks.map(({ session }) => session)))];
  }

  ready(volume: Volume, onScoreCamCost: (cost: ScoreCamCost) => void): Readied {
    const encoder = this.#encoder;
    const {
      volume: sliced,
      box,
      source,
      gain,
      offset,
    } = prepareVolume(volume, encoder.preprocessing, encoder);
    // Not the volume itself: whoever slices it may make a faster copy and let it go.
    const scaling: PixelScaling = { source, gain, offset, volume: { channels: sliced.channels } };
    const passes = this.#passes.map(({ plans, networks }) => {
      const responses = networks.map((network) => this.#response(network, scaling, onScoreCamCost));
      const response = joinResponses(responses);
      return { response, wanted: plans.flatMap((plan) => this.#wanted(plan, response)) };
    });
    return { sliced, box, passes, record: this.#record() };
  }

  #response(
    { session, answers, layers }: OpenNetwork,
    scaling: PixelScaling,
    onCost: (cost: ScoreCamCost) => void,
  ): Response {
    const { size, batch, memory } = this.#options;
    if (answers) return encoderResponse(this.#encoder, session, scaling, answers, { size, batch });
    const options = { size, batch, memory, onCost };
    return scoreCamResponse(this.#encoder, session, scaling, this.#index, layers, options);
  }

  /** The heatmaps of one plan: of the logit, or of each map. */
  #wanted(plan: Plan, { names }: Response): WantedHeatmap[] {
    if (methods[plan.method].response === 'value') return [{ plan, maps: names.indexOf('logit') }];
    const { cams: chosen, layers } = this.#maps;
    return chosen.flatMap((cam) =>
      layers.map((layer) => ({
        plan,
        maps: names.indexOf(`${cam}:${layer.name}`),
        entities: { cam, layer: layer.name },
        record: { cam, layer: { name: layer.name, tensor: layer.tensor } },
      })),
    );
  }

  #record(): Record<string, unknown> {
    const encoder = this.#encoder;
    const sessions = this.#sessions();
    return {
      encoder: {
        file: encoder.name,
        sha256: encoder.sha256,
        name: encoder.metadata.name,
        output: encoder.output,
        activationTakenOff: encoder.activation,
      },
      class: { index: this.#index, name: encoder.classes[this.#index] },
      preprocessing: encoder.preprocessing,
      engine: this.#platform.engine,
      device: sessions[0].device,
      partlyOnCpu: sessions.some(({ partlyOnCpu }) => partlyOnCpu),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#sessions().map((session) => session.close()));
  }
}

/** Which class activation maps are wanted, every formula at every layer. */
interface MapChoice {
  readonly cams: readonly CamName[];
  readonly layers: readonly CamLayer[];
}

/** @throws UsageError when methods on maps have no layer, or options for maps have no method. */
function chooseMaps(
  { cam, layer }: EngineOptions,
  encoder: Encoder,
  plans: readonly Plan[],
  size: SliceSize,
): MapChoice {
  const onMaps = plans.find(({ method }) => methods[method].response === 'map');
  if (!onMaps) {
    const given = cam ? '--cam' : layer ? '--layer' : undefined;
    if (!given) return { cams: [], layers: [] };
    throw new UsageError(given, `The method ${plans[0].method} looks at no layer of the encoder.`, {
      remedy: `Leave ${given} out, or use a method on maps such as tomographic-cam.`,
    });
  }
  if (!layer) {
    throw new UsageError('--layer', `${methods[onMaps.method].title} needs a layer of the encoder.`, {
      remedy: `Add --layer with a number or a name: tonno layers ${encoder.name} lists them.`,
    });
  }
  const model = parseModel(encoder.model, encoder.name);
  const layers = layer.map((choice) => ({
    ...resolveLayer(choice, model, encoder, { size }),
    name: choice,
  }));
  return { cams: cam ?? ['layercam'], layers };
}

/** A graph that a session is opened for. */
interface Network {
  readonly model: Uint8Array;
  /** Absent for ScoreCAM, which asks in its own way. */
  readonly answers?: readonly Answer[];
}

/** Passes that want graphs of one key share the first that is made. */
interface WantedNetwork {
  readonly key: string;
  make(): Network;
}

interface OpenNetwork extends Network {
  readonly layers: readonly CamLayer[];
  readonly session: Session;
}

/** The graphs that answer to a pass: one for the logit and all maps by gradients, one for ScoreCAM. */
function networksOf(
  plans: readonly Plan[],
  encoder: Encoder,
  index: number,
  { cams: chosen, layers }: MapChoice,
  size: SliceSize,
): WantedNetwork[] {
  const logit = plans.some(({ method }) => methods[method].response === 'value');
  const maps = plans.some(({ method }) => methods[method].response === 'map');
  const requests: CamRequest[] = (maps ? chosen : [])
    .filter(isGradientCam)
    .flatMap((cam) => layers.map((layer) => ({ cam, layer })));
  const networks: WantedNetwork[] = [];
  if (requests.length > 0) {
    const key = logit ? 'logit and maps' : 'maps';
    networks.push({ key, make: () => camNetwork(encoder, index, requests, { logit, size }) });
  } else if (logit) {
    const make = () => ({ model: encoder.model, answers: [logitAnswer(encoder, [index])] });
    networks.push({ key: 'logit', make });
  }
  if (maps && !chosen.every(isGradientCam)) {
    networks.push({ key: 'scorecam', make: () => ({ model: scoreCamModel(encoder, layers) }) });
  }
  return networks;
}

function describe(encoder: Encoder, chosen: number, sessions: readonly Session[]): string {
  const { name, channels, classes } = encoder;
  const [session] = sessions;
  const about = classes.length > 0 ? `, class ${chosen} (${classes[chosen]})` : '';
  const partly = sessions.some(({ partlyOnCpu }) => partlyOnCpu);
  const threads =
    session.device === 'cpu' ? ` with ${session.lanes} threads` : partly ? ', some operators on the CPU' : '';
  return `${name}: ${channels} channel${channels === 1 ? '' : 's'}${about}, on ${session.device}${threads}`;
}

function simpleResponse(response: string, { size: side = DEFAULT_SIZE }: EngineOptions): Response {
  const size = { rows: side, columns: side };
  if (response === 'mean') return meanResponse(size);
  const kernel = /^pooled:(\d+)$/.exec(response)?.[1];
  if (kernel === undefined) {
    throw new UsageError(`--response ${response}`, 'There is no such response.', {
      remedy: 'Responses are logit, mean and pooled:N, with N the pixels of a kernel’s side.',
    });
  }
  return pooledResponse(Number(kernel), size);
}
