/**
 * A series may hold several volumes of one place: echoes, b-values, phases of contrast, gates. Where an attribute, or two
 * together, tells them apart, so that each value has every place at most once, they are parts to choose from. Which
 * attribute it is, is looked for in one table, the most telling first. Nothing is chosen here.
 */
import { listed } from '../../errors.ts';
import { NAMED, normalDistances, places } from './geometry.ts';
import { GROUPS } from './headers.ts';
import type { Plane } from './planes.ts';

interface Trait {
  /** The attribute's keyword (PS3.6). */
  readonly keyword: string;
  readonly tag: string;
  readonly group?: string;
}

/** By what the volumes of one series differ. */
const TRAITS: readonly Trait[] = [
  { keyword: 'DiffusionBValue', tag: '00189087', group: GROUPS.diffusion },
  { keyword: 'DiffusionGradientOrientation', tag: '00189089' },
  { keyword: 'TemporalPositionIdentifier', tag: '00200100' },
  { keyword: 'TemporalPositionIndex', tag: '00209128', group: GROUPS.content },
  { keyword: 'EchoNumbers', tag: '00180086' },
  { keyword: 'EffectiveEchoTime', tag: '00189082', group: GROUPS.echo },
  { keyword: 'EchoTime', tag: '00180081' },
  { keyword: 'ImageType', tag: '00080008' },
  { keyword: 'FrameType', tag: '00089007', group: GROUPS.mrFrameType },
  { keyword: 'FrameType', tag: '00089007', group: GROUPS.ctFrameType },
  { keyword: 'FrameType', tag: '00089007', group: GROUPS.petFrameType },
  { keyword: 'ComplexImageComponent', tag: '00089208', group: GROUPS.mrFrameType },
  { keyword: 'InversionTime', tag: '00180082' },
  { keyword: 'FlipAngle', tag: '00181314' },
  { keyword: 'AcquisitionNumber', tag: '00200012' },
  { keyword: 'ConvolutionKernel', tag: '00181210' },
  { keyword: 'TriggerTime', tag: '00181060' },
  { keyword: 'NominalCardiacTriggerDelayTime', tag: '00209153', group: GROUPS.trigger },
  { keyword: 'FrameReferenceTime', tag: '00541300' },
  { keyword: 'StackID', tag: '00209056', group: GROUPS.content },
  { keyword: 'AcquisitionTime', tag: '00080032' },
  { keyword: 'ContentTime', tag: '00080033' },
];

const INSTANCE_NUMBER = '00200013';

/** One volume of several. */
export interface Part<P> {
  /** What it has of its own, "EchoNumbers 2". */
  readonly words: string;
  readonly planes: readonly P[];
}

/** A plane with the values of all traits; absent ones are empty. */
interface Known {
  readonly plane: Plane;
  readonly values: readonly string[];
}

/**
 * The volumes that lie in one another; one part with all planes where they do not, and where nothing tells them apart.
 * @param planes in the order of their instance numbers.
 */
export function parts(planes: readonly Plane[]): Part<Plane>[] {
  const whole = [{ words: '', planes }];
  const groups = planes.length > 1 ? places(normalDistances(planes)) : [];
  const most = Math.max(0, ...groups.map((group) => group.length));
  if (most < 2) return whole;
  const known = planes.map(knownPlane);
  const place = new Map(groups.flatMap((group, i) => group.map((plane) => [planes[plane], i] as const)));
  const varying = TRAITS.map((_, i) => i).filter(
    (i) => new Set(known.map(({ values }) => values[i])).size > 1,
  );

  const pairs = varying.flatMap((first, i) => varying.slice(i + 1).map((second) => [first, second]));
  for (const traits of [...varying.map((trait) => [trait]), ...pairs]) {
    const split = byTraits(known, traits);
    if (split.length === most && split.every((part) => isOneVolume(part.planes, place))) return split;
  }
  return byRuns(planes, most, groups.length, place) ?? whole;
}

/** Attributes whose values differ between planes at one place, for a sentence: "EchoTime (2.1, 4.6)". */
export function differences(planes: readonly Plane[]): string[] {
  const known = planes.map(knownPlane);
  return TRAITS.flatMap(({ keyword }, i) => {
    const values = [...new Set(known.map((plane) => plane.values[i]))];
    return values.length > 1
      ? [
          `${keyword} (${listed(
            values.map((value) => value || 'none'),
            NAMED,
          )})`,
        ]
      : [];
  });
}

function knownPlane(plane: Plane): Known {
  const values = TRAITS.map(({ tag, group }) => plane.header(tag, group)?.strings(tag).join('\\') ?? '');
  return { plane, values };
}

function byTraits(known: readonly Known[], traits: readonly number[]): Part<Plane>[] {
  const groups = new Map<string, Known[]>();
  for (const plane of known) {
    const key = traits.map((trait) => plane.values[trait]).join('\n');
    const group = groups.get(key);
    if (group) group.push(plane);
    else groups.set(key, [plane]);
  }
  return [...groups.values()]
    .sort(([a], [b]) => {
      const differing = traits.find((trait) => a.values[trait] !== b.values[trait]);
      return differing === undefined ? 0 : compare(a.values[differing], b.values[differing]);
    })
    .map((group) => ({
      words: traits.map((trait) => `${TRAITS[trait].keyword} ${group[0].values[trait] || 'none'}`).join(', '),
      planes: group.map(({ plane }) => plane),
    }));
}

/** Numbers by size, and before all that is none. */
function compare(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => (text === '' ? Number.NaN : Number(text)));
  if (!Number.isNaN(x) && !Number.isNaN(y)) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return a < b ? -1 : a > b ? 1 : 0;
}

function isOneVolume(planes: readonly Plane[], place: ReadonlyMap<Plane, number>): boolean {
  return new Set(planes.map((plane) => place.get(plane))).size === planes.length;
}

/** Volumes that were numbered one after the other: each run of as many planes as there are places has all of them. */
function byRuns(
  planes: readonly Plane[],
  count: number,
  length: number,
  place: ReadonlyMap<Plane, number>,
): Part<Plane>[] | undefined {
  if (planes.length !== count * length) return undefined;
  // Of planes with one number, which comes first is chance.
  const numbers = new Set(
    planes.map(({ object, frame }) => `${object.dataset.number(INSTANCE_NUMBER)} ${frame}`),
  );
  if (numbers.size < planes.length) return undefined;
  const runs = Array.from({ length: count }, (_, i) => planes.slice(i * length, (i + 1) * length));
  if (!runs.every((run) => isOneVolume(run, place))) return undefined;
  return runs.map((run) => ({
    words: `${instance(run[0])} to ${instance(run[run.length - 1])}`,
    planes: run,
  }));
}

function instance({ object, frame }: Plane): string {
  const number = object.dataset.string(INSTANCE_NUMBER);
  return `InstanceNumber ${number ?? 'none'}${frame > 0 ? ` frame ${frame + 1}` : ''}`;
}
