/** Unique identifiers without a registered root: 2.25 and a random UUID as one decimal number (PS3.5 B.2). */

/** A new UID of at most 44 characters. */
export function randomUid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  // Version 4, variant 1: what makes 122 random bits a UUID.
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  return `2.25.${bytes.reduce((value, byte) => value * 256n + BigInt(byte), 0n)}`;
}
