// A picture of few colours as a small PNG: 256 of them, found by median cut, in the place of millions.
import { decode, encode } from 'fast-png';

const MOST = 256;

/** @param png bytes of a PNG of 8 bits, RGB or RGBA; transparency is left out. */
export function indexedPng(png) {
  const { width, height, channels, data } = decode(png);
  const pixels = new Uint32Array(width * height);
  const counts = new Map();
  for (let i = 0; i < pixels.length; i++) {
    const [r, g, b] = data.subarray(i * channels, i * channels + 3);
    pixels[i] = (r << 16) | (g << 8) | b;
    counts.set(pixels[i], (counts.get(pixels[i]) ?? 0) + 1);
  }
  let boxes = [boxOf([...counts].map(([colour, count]) => ({ rgb: rgbOf(colour), colour, count })))];
  while (boxes.length < MOST) {
    const widest = boxes.reduce((a, b) => (b.error > a.error ? b : a));
    if (widest.error === 0) break;
    boxes = [...boxes.filter((box) => box !== widest), ...halves(widest)];
  }
  const index = new Map(boxes.flatMap(({ colours }, i) => colours.map(({ colour }) => [colour, i])));
  const indices = Uint8Array.from(pixels, (colour) => index.get(colour));
  return encode(
    { width, height, depth: 8, channels: 1, data: indices, palette: boxes.map(({ mean }) => mean) },
    { zlib: { level: 9 } },
  );
}

const rgbOf = (colour) => [colour >> 16, (colour >> 8) & 255, colour & 255];

/** Colours, their mean, the channel in which they are furthest apart, and the sum of their squared distances there. */
function boxOf(colours) {
  const total = colours.reduce((sum, { count }) => sum + count, 0);
  const means = [0, 1, 2].map(
    (c) => colours.reduce((sum, { rgb, count }) => sum + rgb[c] * count, 0) / total,
  );
  const errors = means.map((mean, c) =>
    colours.reduce((sum, { rgb, count }) => sum + count * (rgb[c] - mean) ** 2, 0),
  );
  const error = Math.max(...errors);
  const mean = means.map(Math.round);
  return {
    colours,
    mean,
    middle: means,
    channel: errors.indexOf(error),
    error: colours.length > 1 ? error : 0,
  };
}

/** The box cut at its mean. */
function halves({ colours, channel, middle }) {
  const below = colours.filter(({ rgb }) => rgb[channel] <= middle[channel]);
  return [boxOf(below), boxOf(colours.filter(({ rgb }) => rgb[channel] > middle[channel]))];
}
