import { decode } from 'fast-png';
import { describe, expect, test } from 'vitest';
import { renderSheet, type SheetCell, type SheetInput } from '../../src/report/sheet.ts';
import { createVolume, type Shape } from '../../src/volume/volume.ts';

const shape: Shape = [4, 10, 10];
const volume = (value: (d: number, h: number, w: number) => number) =>
  createVolume(
    Float32Array.from({ length: 400 }, (_, i) => value(Math.floor(i / 100), Math.floor(i / 10) % 10, i % 10)),
    shape,
  );
const halves = volume((_, __, w) => (w < 5 ? 0 : 1));
const cell = (changes: Partial<SheetCell> = {}): SheetCell => ({
  image: halves,
  axis: 0,
  index: 1,
  ...changes,
});

function draw(input: Partial<SheetInput>) {
  const { width, height, data } = decode(
    renderSheet({ title: 'A sheet', columns: ['a', 'b'], rows: [], ...input }),
  );
  const pixel = (x: number, y: number) => [...data.slice(3 * (y * width + x), 3 * (y * width + x) + 3)];
  const count = (matches: (rgb: number[]) => boolean) => {
    let found = 0;
    for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) if (matches(pixel(x, y))) found++;
    return found;
  };
  return { width, height, pixel, count };
}
const isBlack = ([r, g, b]: number[]) => r + g + b === 0;
const isRed = ([r, g, b]: number[]) => r > 120 && g < 70 && b < 80;

describe('renderSheet', () => {
  test('has a picture of 140 pixels a side for each cell, and nothing where there is none', () => {
    const { width, height, count } = draw({ rows: [{ label: 'one', cells: [cell(), undefined] }] });
    expect(width).toBe(2 * 36 + 150 + 2 * 140 + 10);
    expect(height).toBeGreaterThan(140);
    // Half of the volume is black.
    expect(count(isBlack)).toBeGreaterThan(0.4 * 140 * 140);
    expect(count(isBlack)).toBeLessThan(0.55 * 140 * 140);
    const two = draw({ rows: [{ label: 'one', cells: [cell(), cell()] }] });
    expect(two.count(isBlack)).toBe(2 * count(isBlack));
  });

  test('shows the plane that is asked for', () => {
    const planes = volume((d) => d);
    const grey = (index: number) => {
      const { pixel } = draw({
        columns: ['a'],
        rows: [{ label: '', cells: [cell({ image: planes, index })] }],
      });
      return pixel(36 + 150 + 70, 150)[0];
    };
    expect(grey(0)).toBe(0);
    expect(grey(3)).toBe(255);
    expect(grey(2)).toBeGreaterThan(grey(1));
  });

  test('lays the heatmap over the image and outlines the mask', () => {
    const hot = volume((_, h, w) => (h < 3 && w < 3 ? 1 : 0));
    const rows = (changes: Partial<SheetCell>) => [{ label: '', cells: [cell(changes)] }];
    expect(draw({ rows: rows({}) }).count(isRed)).toBe(0);
    expect(draw({ rows: rows({ heatmap: hot }) }).count(isRed)).toBeGreaterThan(500);
    const plain = draw({ rows: rows({}) });
    const outlined = draw({ rows: rows({ mask: hot }) });
    const isYellow = ([r, g, b]: number[]) => r > 180 && g > 140 && b < 120;
    expect(plain.count(isYellow)).toBe(0);
    expect(outlined.count(isYellow)).toBeGreaterThan(50);
  });

  test('gives captions and notes room of their own', () => {
    const bare = draw({ rows: [{ label: '', cells: [cell()] }] });
    const captioned = draw({
      rows: [{ label: '', cells: [cell({ caption: 'error 0.1' })] }],
      notes: ['A note.'],
    });
    expect(captioned.height).toBeGreaterThan(bare.height + 20);
  });
});
