/**
 * Transfer syntaxes (PS3.5 section 10, PS3.6 table A-1): how a data set's elements are written and how its pixels are
 * packed. Elements are in explicit value representations and little-endian for all but two of them.
 */

export const IMPLICIT_LITTLE = '1.2.840.10008.1.2';
export const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';
export const DEFLATED_LITTLE = '1.2.840.10008.1.2.1.99';
export const EXPLICIT_BIG = '1.2.840.10008.1.2.2';
/** GE's private syntax: elements in implicit little-endian, pixels in big-endian. */
export const GE_BIG_PIXELS = '1.2.840.113619.5.2';

/** What a syntax is called, for messages; those that can be decoded are in codecs/table.ts. */
const NAMES: Readonly<Record<string, string>> = {
  [IMPLICIT_LITTLE]: 'Implicit VR Little Endian',
  [EXPLICIT_LITTLE]: 'Explicit VR Little Endian',
  [DEFLATED_LITTLE]: 'Deflated Explicit VR Little Endian',
  [EXPLICIT_BIG]: 'Explicit VR Big Endian',
  [GE_BIG_PIXELS]: 'GE Private Implicit VR Big Endian',
  '1.2.840.10008.1.2.1.98': 'Encapsulated Uncompressed',
  '1.2.840.10008.1.2.4.50': 'JPEG Baseline',
  '1.2.840.10008.1.2.4.51': 'JPEG Extended',
  '1.2.840.10008.1.2.4.57': 'JPEG Lossless, process 14',
  '1.2.840.10008.1.2.4.70': 'JPEG Lossless, process 14, selection value 1',
  '1.2.840.10008.1.2.4.80': 'JPEG-LS Lossless',
  '1.2.840.10008.1.2.4.81': 'JPEG-LS Near-Lossless',
  '1.2.840.10008.1.2.4.90': 'JPEG 2000 Lossless',
  '1.2.840.10008.1.2.4.91': 'JPEG 2000',
  '1.2.840.10008.1.2.4.92': 'JPEG 2000 Part 2 Lossless',
  '1.2.840.10008.1.2.4.93': 'JPEG 2000 Part 2',
  '1.2.840.10008.1.2.4.94': 'JPIP Referenced',
  '1.2.840.10008.1.2.4.95': 'JPIP Referenced Deflate',
  '1.2.840.10008.1.2.4.100': 'MPEG-2 Main Level',
  '1.2.840.10008.1.2.4.101': 'MPEG-2 High Level',
  '1.2.840.10008.1.2.4.102': 'MPEG-4 AVC/H.264',
  '1.2.840.10008.1.2.4.103': 'MPEG-4 AVC/H.264 BD-compatible',
  '1.2.840.10008.1.2.4.107': 'HEVC/H.265',
  '1.2.840.10008.1.2.4.110': 'JPEG XL Lossless',
  '1.2.840.10008.1.2.4.111': 'JPEG XL JPEG Recompression',
  '1.2.840.10008.1.2.4.112': 'JPEG XL',
  '1.2.840.10008.1.2.4.201': 'High-Throughput JPEG 2000 Lossless',
  '1.2.840.10008.1.2.4.202': 'High-Throughput JPEG 2000 Lossless RPCL',
  '1.2.840.10008.1.2.4.203': 'High-Throughput JPEG 2000',
  '1.2.840.10008.1.2.5': 'RLE Lossless',
};

/** A syntax as messages name it: "JPEG Baseline (1.2.840.10008.1.2.4.50)". */
export function syntaxName(uid: string): string {
  const name = NAMES[uid];
  return name ? `${name} (${uid})` : `"${uid}"`;
}
