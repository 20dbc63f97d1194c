/** What `tonno info` prints for people, and the same for programs; and the lines that all kinds of volumes share. */
import type { Statistics } from '../../volume/statistics.ts';
import { axisCodes, type Geometry, type Shape, spacing } from '../../volume/volume.ts';

export interface Description {
  readonly lines: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
}

/** Where voxels lie. */
export interface Place {
  readonly shape: Shape;
  readonly channels: number;
  readonly geometry: Geometry;
}

export function placeFacts({ shape, channels, geometry }: Place): Record<string, unknown> {
  return {
    shape,
    channels,
    axes: axisCodes(geometry),
    spacing: spacing(geometry),
    affine: geometry.affine,
  };
}

export function placeLines({ shape, channels, geometry }: Place): string[] {
  const row = (r: number) =>
    geometry.affine
      .slice(4 * r, 4 * r + 4)
      .map((value) => short(value).padStart(10))
      .join('');
  return [
    `  shape     ${shape.join(' × ')} (axis 0 × 1 × 2)${channels > 1 ? `, ${channels} channels` : ''}`,
    `  axes      ${axisCodes(geometry)}: the world directions in which axis 0, 1, 2 increase`,
    `  spacing   ${spacing(geometry).map(short).join(' × ')} mm`,
    `  affine  ${row(0)}`,
    `          ${row(1)}`,
    `          ${row(2)}`,
  ];
}

export function valueLines(values: readonly Statistics[], units?: string): string[] {
  return values.map(({ minimum, maximum, mean, std }, c) => {
    const channel = values.length > 1 ? `channel ${c}: ` : '';
    return `  values    ${channel}${short(minimum)} to ${short(maximum)}, mean ${short(mean)}, deviation ${short(std)}${units === undefined ? '' : ` (${units})`}`;
  });
}

export function noteLine(note: string): string {
  return `  note      ${note}`;
}

export function problemLine(problem: string): string {
  return `  problem   ${problem}`;
}

/** Enough digits to tell values apart, no more. */
export function short(value: number): string {
  return String(Number(value.toPrecision(5)));
}
