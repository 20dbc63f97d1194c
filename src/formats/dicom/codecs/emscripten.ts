/**
 * Codecs that were C++ once: a module instance with a heap, in plain JavaScript (no .wasm to be found by a URL, so that
 * they run wherever scripts do). An instance may be spoilt by what it threw and never gives memory back, so one that has
 * failed or grown is dropped and the next frame gets a new one, which takes some milliseconds.
 */

/** A decoder object in the heap of its module. */
export interface HeapDecoder {
  getEncodedBuffer(length: number): Uint8Array;
  decode(): void;
  getDecodedBuffer(): Uint8Array;
  getFrameInfo(): {
    readonly width: number;
    readonly height: number;
    readonly bitsPerSample: number;
    readonly componentCount: number;
    readonly isSigned?: boolean;
  };
  delete(): void;
}

export interface HeapModule {
  readonly HEAPU8: Uint8Array;
}

/** Makes a module; what it would write to the console goes to the two functions. */
export type HeapFactory<M extends HeapModule> = (options: {
  print(line: string): void;
  printErr(line: string): void;
}) => Promise<M>;

const MOST_KEPT = 1 << 27;
/** A new object every time: Emscripten makes the module out of it. */
const silent = () => ({ print: () => undefined, printErr: () => undefined });

/** Runs decoders of one kind, one after another, over a module that is made when it is needed. */
export class HeapCodec<M extends HeapModule> {
  readonly #factory: HeapFactory<M>;
  readonly #decoder: (module: M) => HeapDecoder;
  #module: M | undefined;

  constructor(factory: HeapFactory<M>, decoder: (module: M) => HeapDecoder) {
    this.#factory = factory;
    this.#decoder = decoder;
  }

  /**
   * @param read is handed the decoder when it has decoded; must copy what it keeps.
   * @throws whatever the codec throws, or `read`.
   */
  async decode<T>(bytes: Uint8Array, read: (decoder: HeapDecoder) => T): Promise<T> {
    const module = this.#module ?? (await this.#factory(silent()));
    // What fails from here on leaves no module behind.
    this.#module = undefined;
    const decoder = this.#decoder(module);
    decoder.getEncodedBuffer(bytes.length).set(bytes);
    decoder.decode();
    const result = read(decoder);
    decoder.delete();
    if (module.HEAPU8.length <= MOST_KEPT) this.#module = module;
    return result;
  }
}
