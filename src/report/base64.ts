/** Bytes as text that may stand in a data URL, in Node and in browsers alike. */

/** Bytes that are turned into characters at once: as many arguments as any engine takes. */
const CHUNK = 8192;

/** Base64 of RFC 4648. */
export function base64(bytes: Uint8Array): string {
  let binary = '';
  for (let i = 0; i < bytes.length; i += CHUNK) {
    binary += String.fromCharCode(...bytes.subarray(i, i + CHUNK));
  }
  return btoa(binary);
}

/** A file within a link. */
export function textUrl(type: string, text: string): string {
  return `data:${type};charset=utf-8;base64,${base64(new TextEncoder().encode(text))}`;
}
