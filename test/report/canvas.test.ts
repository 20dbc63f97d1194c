import { decode } from 'fast-png';
import { expect, test } from 'vitest';
import { Canvas } from '../../src/report/canvas.ts';
import { glyphsOf, shortenText, textWidth, wrapText } from '../../src/report/font.ts';

const pixel = ({ data, width }: Canvas, x: number, y: number) => [
  ...data.slice(3 * (y * width + x), 3 * (y * width + x) + 3),
];

const ink = ({ data }: Canvas) => data.reduce((sum, value) => sum + 255 - value, 0) / (3 * 255);

test('rectangles mix by their opacity and are clipped', () => {
  const canvas = new Canvas(4, 3);
  canvas.fillRect(2, 1, 9, 9, [255, 0, 0, 0.5]);
  expect(pixel(canvas, 1, 1)).toEqual([255, 255, 255]);
  expect(pixel(canvas, 3, 2)).toEqual([255, 128, 128]);
  canvas.fillRect(-5, -5, 2, 2, [0, 0, 0]);
  expect(pixel(canvas, 0, 0)).toEqual([255, 255, 255]);
});

test('pictures of every kind are put down at whole scales', () => {
  const canvas = new Canvas(6, 4);
  canvas.blit({ width: 2, height: 1, channels: 1, data: Uint8Array.of(0, 100) }, 1, 1, 2);
  expect([1, 2, 3, 4, 5].map((x) => pixel(canvas, x, 2)[0])).toEqual([0, 0, 100, 100, 255]);
  canvas.blit({ width: 1, height: 1, channels: 3, data: Uint8Array.of(10, 20, 30) }, 0, 0);
  expect(pixel(canvas, 0, 0)).toEqual([10, 20, 30]);
  canvas.blit({ width: 1, height: 1, channels: 4, data: Uint8Array.of(10, 20, 30, 0) }, 5, 3);
  expect(pixel(canvas, 5, 3)).toEqual([255, 255, 255]);
});

test('a line covers its length times its thickness, wherever it lies between pixels', () => {
  for (const y of [10, 10.25, 10.5]) {
    const canvas = new Canvas(60, 20);
    canvas.polyline(
      [
        [10, y],
        [30, y],
        [50, y],
      ],
      [0, 0, 0],
      2,
    );
    // The round ends add a disc's area of π.
    expect(ink(canvas)).toBeGreaterThan(80);
    expect(ink(canvas)).toBeLessThan(86);
  }
});

test('a point that is not finite interrupts a line', () => {
  const canvas = new Canvas(40, 5);
  canvas.polyline(
    [
      [2, 2.5],
      [10, 2.5],
      [20, Number.NaN],
      [30, 2.5],
      [38, 2.5],
    ],
    [0, 0, 0],
    1,
  );
  expect(pixel(canvas, 6, 2)).toEqual([0, 0, 0]);
  expect(pixel(canvas, 20, 2)).toEqual([255, 255, 255]);
  expect(pixel(canvas, 34, 2)).toEqual([0, 0, 0]);
});

test('the font has a glyph of its own for each of its characters', () => {
  const characters = [...Array.from({ length: 95 }, (_, i) => String.fromCharCode(32 + i)), ...'·×−σ≈²±'];
  // A zero looks like an O.
  const drawings = characters.filter((c) => c !== 'O').map((c) => JSON.stringify(glyphsOf(c)));
  expect(new Set(drawings).size).toBe(characters.length - 1);
  for (const character of characters.slice(1)) {
    const [{ columns, dots }] = glyphsOf(character);
    expect(dots.length).toBeGreaterThan(0);
    expect(columns).toBeLessThanOrEqual(5);
    expect(dots.every(([, row]) => row < 9)).toBe(true);
  }
});

test('letters with accents lose them, and unknown characters become question marks', () => {
  expect(glyphsOf('é漢')).toEqual(glyphsOf('e?'));
});

test('text at scale 1 is its dots, and stands where it is aligned', () => {
  const canvas = new Canvas(30, 12);
  canvas.text('I.', 10, 2);
  expect(pixel(canvas, 11, 5)).toEqual([0, 0, 0]);
  expect(pixel(canvas, 10, 5)).toEqual([255, 255, 255]);
  expect(pixel(canvas, 14, 8)).toEqual([0, 0, 0]);
  const right = new Canvas(30, 12);
  right.text('I.', 20, 2, { align: 'right' });
  expect(pixel(right, 19, 8)).toEqual([0, 0, 0]);
  expect(pixel(right, 20, 8)).toEqual([255, 255, 255]);
});

test('long texts are shortened in the middle or wrapped', () => {
  expect(shortenText('short', 100)).toBe('short');
  const shorter = shortenText('/data/a/very/long/path/to/scan.nii.gz', 100);
  expect(shorter).toMatch(/^\/data.*\.\.\..*nii\.gz$/);
  expect(textWidth(shorter)).toBeLessThanOrEqual(100);
  const lines = wrapText(`one two three ${'x'.repeat(40)} four`, 60);
  expect(lines.every((line) => textWidth(line) <= 60)).toBe(true);
  expect(lines.join('').replaceAll(' ', '')).toBe(`onetwothree${'x'.repeat(40)}four`);
  expect(wrapText('', 60)).toEqual([]);
});

test('a PNG holds the pixels', () => {
  const canvas = new Canvas(3, 2, [1, 2, 3]);
  canvas.fillRect(1, 0, 1, 1, [200, 100, 50]);
  const { width, height, channels, data } = decode(canvas.toPng());
  expect([width, height, channels]).toEqual([3, 2, 3]);
  expect([...data]).toEqual([...canvas.data]);
});
