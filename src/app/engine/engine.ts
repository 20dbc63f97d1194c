/**
 * The engine behind the page: an encoder, and one reconstruction that is running or can be gone on with. It knows the heatmap
 * as the command line makes it (reconstruction/engine.ts) and adds what a person at a page needs: estimates, a stop that is
 * quick, more directions, and that nothing measured is lost when something fails. What runs networks is given to it.
 */
import { type Encoder, readEncoder } from '../../encoders/external.ts';
import { DeviceError, EncoderError, UsageError } from '../../errors.ts';
import { axisProfiles } from '../../reconstruction/axis-profiles.ts';
import { type EncoderFile, openEngine, type Engine as Responding } from '../../reconstruction/engine.ts';
import { methods, type Plan, planMethods } from '../../reconstruction/methods.ts';
import type { Crew } from '../../runtime/crew.ts';
import type { Device, Session, SessionOptions } from '../../runtime/session.ts';
import type { Volume } from '../../volume/volume.ts';
import type {
  EncoderInfo,
  EngineApi,
  EngineInfo,
  EngineOutcome,
  LogitProfile,
  ReconstructionSettings,
  Source,
} from '../protocol.ts';
import { encoderInfo } from './encoder-info.ts';
import { type Finding, type Found, findBest, titleOf } from './found.ts';
import { Halt, type Listener, Running, withRoom } from './running.ts';
import { Sessions } from './sessions.ts';

/** What the engine runs on: a browser's worker, or Node in tests. */
export interface EnginePlatform extends Finding {
  openSession(model: Uint8Array, options: SessionOptions): Promise<Session>;
  /** Whether threads share memory. */
  readonly shares: boolean;
  /** For records: `{ browser: 'Mozilla/5.0 …' }`. */
  readonly software: Readonly<Record<string, string>>;
  /** Threads that sum maps, see `BACKPROJECTION_MODULE`; the engine's own thread does it without them. */
  openCrew?(): Crew;
}

/** The encoder that is open. */
interface OpenEncoder {
  readonly file: EncoderFile;
  readonly encoder: Encoder;
}

/** The last reconstruction, with what it runs on. */
interface Begun {
  readonly running: Running;
  readonly responding: Responding;
  readonly sessions: Sessions;
  readonly crew: Crew | undefined;
  readonly wanted: ReconstructionSettings['device'];
  info: EngineInfo;
  /** Its sessions are to be opened again before it goes on. */
  broken: boolean;
}

/** Ten times the paper's: their order of visiting takes time that grows with the square. */
const MOST_DIRECTIONS = 20_000;
const MOST_SLICES = 10_000;

export class Engine implements EngineApi {
  readonly #platform: EnginePlatform;
  #encoder: OpenEncoder | undefined;
  #found: Promise<Found> | undefined;
  #begun: Begun | undefined;
  /** One reconstruction after the other. */
  #turn: Promise<unknown> = Promise.resolve();
  #halt = new Halt();

  constructor(platform: EnginePlatform) {
    this.#platform = platform;
  }

  async openEncoder({ name, file }: Source): Promise<EncoderInfo> {
    const bytes = await read(name, file);
    const encoder = await readEncoder(bytes, name);
    const info = encoderInfo(encoder);
    this.#encoder = { file: { name, bytes }, encoder };
    return info;
  }

  async warmUp(): Promise<EngineInfo> {
    return titleOf(await this.#find());
  }

  /** What computes fastest here, looked for once. */
  #find(): Promise<Found> {
    const found = this.#found ?? findBest(this.#platform);
    this.#found = found;
    found.catch(() => {
      this.#found = undefined;
    });
    return found;
  }

  // Not async: what is async keeps its arguments until it ends, and the volume is let go as soon as it is copied.
  reconstruct(
    volume: Volume,
    settings: ReconstructionSettings,
    onProgress: Listener,
  ): Promise<EngineOutcome> {
    const halt = this.#newHalt();
    const begun = this.#turn.then(() => this.#begin(volume, settings));
    return this.#inTurn(begun.then((begun) => this.#go(begun, halt, onProgress)));
  }

  async stop(): Promise<void> {
    this.#halt.ask();
  }

  async more(directions: number, onProgress: Listener): Promise<EngineOutcome> {
    if (directions !== 0) checkCount('Further directions', directions, 2, MOST_DIRECTIONS);
    const halt = this.#newHalt();
    const going = this.#turn.then(async () => {
      const begun = this.#needBegun();
      if (directions > 0) begun.running.further(directions);
      if (begun.broken) await this.#mend(begun);
      return this.#go(begun, halt, onProgress);
    });
    return this.#inTurn(going);
  }

  rescue(): Promise<EngineOutcome | undefined> {
    return this.#inTurn(
      this.#turn.then(() => {
        const begun = this.#begun;
        return begun?.running.begun ? begun.running.outcome(begun.info) : undefined;
      }),
    );
  }

  async profiles(volume: Volume, settings: ReconstructionSettings): Promise<readonly LogitProfile[]> {
    const [plan] = planMethods(['tonno'], {});
    const sessions = new Sessions(this.#platform.openSession);
    const { responding } = await this.#respond({ ...settings, method: 'tonno' }, plan, sessions);
    try {
      const { sliced, box, passes } = withRoom(volume, () => responding.ready(volume, () => {}));
      const profiles = await axisProfiles(sliced, passes[0].response);
      return profiles.map(({ axis, values }) => {
        const whole = new Float32Array(volume.shape[axis]).fill(Number.NaN);
        whole.set(values, box.from[axis]);
        return { axis, values: whole };
      });
    } finally {
      await responding.close();
    }
  }

  /** Those before are asked to stop, so that the next has its turn soon. */
  #newHalt(): Halt {
    this.#halt.ask();
    this.#halt = new Halt();
    return this.#halt;
  }

  #inTurn<T>(work: Promise<T>): Promise<T> {
    this.#turn = work.catch(() => {});
    return work;
  }

  async #begin(volume: Volume, settings: ReconstructionSettings): Promise<Begun> {
    await this.#end();
    const { method, preset, directions, slices, filter, axis, seed, layer, device } = settings;
    if (directions !== undefined) checkCount('Directions', directions, 2, MOST_DIRECTIONS);
    if (slices !== undefined) checkCount('Slices', slices, 2, MOST_SLICES);
    const [plan] = planMethods([method], { preset, directions, slices, filter, axis, seed });
    const onMaps = methods[method].response === 'map';
    if (onMaps && layer === undefined) {
      throw new UsageError('layer', `${methods[method].title} needs a layer of the encoder.`, {
        remedy: 'Choose one, or the method ToNNO.',
      });
    }
    const sessions = new Sessions(this.#platform.openSession);
    const { responding, found } = await this.#respond(settings, plan, sessions);
    // One value a slice is summed faster than it could be sent away.
    const crew = onMaps ? this.#platform.openCrew?.() : undefined;
    try {
      const readied = withRoom(volume, () => responding.ready(volume, () => {}));
      const { shares, software } = this.#platform;
      const running = new Running(volume, readied, { shares, software, crew });
      const info = titleOf(found, sessions.partlyOnCpu);
      this.#begun = { running, responding, sessions, crew, wanted: device, info, broken: false };
      return this.#begun;
    } catch (error) {
      await crew?.close();
      await responding.close();
      throw error;
    }
  }

  /** The encoder, open on the device that was asked for. */
  async #respond(
    settings: ReconstructionSettings,
    plan: Plan,
    sessions: Sessions,
  ): Promise<{ responding: Responding; found: Found }> {
    const { file, encoder } = this.#needEncoder();
    const { method, cam, layer, size, classIndex, device } = settings;
    const onMaps = methods[method].response === 'map';
    const found = await this.#foundFor(device);
    const responding = await openEngine(
      {
        encoder: file,
        device: found.device,
        ...(onMaps && layer !== undefined && { cam: [cam ?? 'layercam'], layer: [layer] }),
        // A side that the encoder fixes is not asked for.
        ...(!encoder.size && size !== undefined && { size }),
        ...(classIndex !== undefined && { class: encoder.classes[classIndex] ?? String(classIndex) }),
      },
      [plan],
      { openSession: (model, options) => sessions.open(model, options), engine: found.engine },
    );
    return { responding, found };
  }

  async #foundFor(device: ReconstructionSettings['device']): Promise<Found> {
    if (device === 'auto') return this.#find();
    return { ...(await this.#platform.findDevice(device)), shares: this.#platform.shares };
  }

  async #go(begun: Begun, halt: Halt, listen: Listener): Promise<EngineOutcome> {
    try {
      return await begun.running.go(begun.info, halt, listen);
    } catch (error) {
      begun.broken = true;
      // What was found before the GPU was lost may not be there any more.
      if (error instanceof DeviceError) this.#found = undefined;
      throw error;
    }
  }

  /** Opens the sessions of a reconstruction again, on what there is now. */
  async #mend(begun: Begun): Promise<void> {
    const before: Device = begun.info.device;
    await begun.sessions.close();
    // A GPU that is gone may be asked for by name: what was measured matters more.
    const found = await this.#foundFor(begun.wanted === 'cpu' ? 'cpu' : 'auto');
    await begun.sessions.reopen(found.device);
    begun.info = titleOf(found, begun.sessions.partlyOnCpu);
    if (found.device !== before) begun.running.continueOn(found.device);
    begun.broken = false;
  }

  async #end(): Promise<void> {
    const begun = this.#begun;
    this.#begun = undefined;
    begun?.running.close();
    await begun?.crew?.close();
    await begun?.responding.close();
  }

  #needEncoder(): OpenEncoder {
    if (this.#encoder) return this.#encoder;
    throw new UsageError('encoder', 'There is none yet.', { remedy: 'Choose an .onnx file.' });
  }

  #needBegun(): Begun {
    if (this.#begun) return this.#begun;
    throw new UsageError('reconstruction', 'There is none to go on with.', { remedy: 'Press Reconstruct.' });
  }
}

/** @throws EncoderError when the browser does not give the file. */
async function read(name: string, file: Blob): Promise<Uint8Array> {
  try {
    return new Uint8Array(await file.arrayBuffer());
  } catch (cause) {
    throw new EncoderError(name, 'The browser cannot read this file.', {
      remedy: 'Check that it is still there and not larger than 2 GiB, and choose it again.',
      cause,
    });
  }
}

function checkCount(what: string, count: number, least: number, most: number): void {
  if (Number.isInteger(count) && count >= least && count <= most) return;
  throw new UsageError(what, `${count} is not a whole number from ${least} to ${most}.`, {
    remedy: 'Give another number.',
  });
}
