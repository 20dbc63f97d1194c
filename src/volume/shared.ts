/** Memory that threads share: it is read where it lies, where other memory is copied or handed over. */

/** Whether an array lies in such. A page that is not isolated from others does not even know the name. */
export function isShared({ buffer }: { readonly buffer: ArrayBufferLike }): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer;
}
