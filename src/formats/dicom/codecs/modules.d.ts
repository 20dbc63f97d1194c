/** Modules that come without types, as far as they are used here. */

declare module '@cornerstonejs/codec-openjpeg/decode' {
  const factory: (options: object) => Promise<unknown>;
  export default factory;
}
