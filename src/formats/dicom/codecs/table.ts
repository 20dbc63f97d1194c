/**
 * Codecs by transfer syntax. Each is loaded when a file in its syntax is met: that of JPEG 2000 has half a megabyte.
 */

import type { Codec } from './codec.ts';

const rle = () => import('./rle.ts').then(({ RLE }) => RLE);
const jpegLossless = () => import('./jpeg-lossless.ts').then(({ JPEG_LOSSLESS }) => JPEG_LOSSLESS);
const jpegLs = () => import('./jpeg-ls.ts').then(({ JPEG_LS }) => JPEG_LS);
const jpeg2000 = () => import('./jpeg-2000.ts').then(({ JPEG_2000 }) => JPEG_2000);

export const CODECS: Readonly<Record<string, () => Promise<Codec>>> = {
  '1.2.840.10008.1.2.5': rle,
  '1.2.840.10008.1.2.4.57': jpegLossless,
  '1.2.840.10008.1.2.4.70': jpegLossless,
  '1.2.840.10008.1.2.4.80': jpegLs,
  '1.2.840.10008.1.2.4.81': jpegLs,
  '1.2.840.10008.1.2.4.90': jpeg2000,
  '1.2.840.10008.1.2.4.91': jpeg2000,
};
