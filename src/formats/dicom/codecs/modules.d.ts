/** Modules that come without types, as far as they are used here. */

declare module 'jpeg-lossless-decoder-js' {
  export class Decoder {
    readonly yLoc: number;
    readonly stream: { readonly index: number } | null;
    decode(
      buffer: ArrayBuffer,
      offset: number,
      length: number,
      bytesPerSample: number,
    ): Uint8Array | Uint16Array | null;
  }
}

declare module '@cornerstonejs/codec-openjpeg/decode' {
  const factory: (options: object) => Promise<unknown>;
  export default factory;
}
