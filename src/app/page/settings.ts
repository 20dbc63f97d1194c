/**
 * What a person chose to reconstruct with. A field that is left empty is the preset's; what means nothing to the method
 * is not sent, so that changing the method forgets nothing.
 */
import {
  type MethodName,
  methods,
  type PresetName,
  planMethod,
  presets,
} from '../../reconstruction/methods.ts';
import type { Axis } from '../../report/planes.ts';
import { cams, isGradientCam } from '../../responses/cam/cams.ts';
import type { GradientCamName } from '../../responses/cam/formulas.ts';
import type { CaseInfo, EncoderInfo, ReconstructionSettings } from '../protocol.ts';

export interface Choices {
  readonly method: MethodName;
  readonly preset: PresetName;
  readonly cam: GradientCamName;
  readonly layer?: string;
  readonly directions?: number;
  readonly slices?: number;
  readonly size?: number;
  readonly filter?: string;
  readonly axis: Axis;
  readonly classIndex: number;
  readonly device: ReconstructionSettings['device'];
}

export const initialChoices: Choices = {
  method: 'tonno',
  preset: 'standard',
  cam: 'layercam',
  axis: 0,
  classIndex: 0,
  device: 'auto',
};

/** Class activation maps that the engine makes in one run; ScoreCAM asks the encoder for every channel anew. */
export const offeredCams = Object.entries(cams).flatMap(([name, { title }]) =>
  isGradientCam(name as GradientCamName) ? [{ name: name as GradientCamName, title }] : [],
);

const devices: readonly Choices['device'][] = ['auto', 'webgpu', 'cpu'];

/** Choices that were stored, with what is no longer known left out. */
export function storedChoices(stored: unknown): Choices {
  if (typeof stored !== 'object' || stored === null) return initialChoices;
  const given = stored as Partial<Record<keyof Choices, unknown>>;
  const known = <T extends string>(value: unknown, names: readonly T[], otherwise: T): T =>
    names.find((name) => name === value) ?? otherwise;
  const count = (key: 'directions' | 'slices' | 'size') =>
    Number.isInteger(given[key]) && Number(given[key]) > 0 ? { [key]: given[key] } : {};
  return {
    ...initialChoices,
    method: known(given.method, Object.keys(methods) as MethodName[], initialChoices.method),
    preset: known(given.preset, Object.keys(presets) as PresetName[], initialChoices.preset),
    cam: known(
      given.cam,
      offeredCams.map(({ name }) => name),
      initialChoices.cam,
    ),
    device: known(given.device, devices, initialChoices.device),
    ...count('directions'),
    ...count('slices'),
    ...count('size'),
    ...(typeof given.filter === 'string' && { filter: given.filter }),
  };
}

/** The layer that is meant: the chosen one where the encoder has it, else its second, which tells most on phantoms. */
export function layerOf({ layer }: Choices, encoder: EncoderInfo | undefined): string | undefined {
  const names = encoder?.layers.map(({ name }) => name) ?? [];
  return layer !== undefined && names.includes(layer) ? layer : (names[1] ?? names[0]);
}

/** Why the method cannot be used with this encoder. */
export function obstacle({ method }: Choices, encoder: EncoderInfo | undefined): string | undefined {
  if (!encoder || methods[method].response !== 'map' || encoder.layers.length > 0) return undefined;
  return encoder.noLayers ?? 'The encoder has no layer to look at.';
}

/** What is sent to the engine. */
export function settingsOf(choices: Choices, encoder: EncoderInfo): ReconstructionSettings {
  const { method, preset, cam, directions, slices, size, filter, axis, classIndex, device } = choices;
  const { response, directions: lie, filtered } = methods[method];
  const layer = layerOf(choices, encoder);
  return {
    method,
    preset,
    device,
    ...(response === 'map' && { cam, ...(layer !== undefined && { layer }) }),
    ...(lie === 'fibonacci' && directions !== undefined && { directions }),
    ...(lie === 'fibonacci' && slices !== undefined && { slices }),
    ...(lie === 'axis' && { axis }),
    ...(filtered && filter !== undefined && { filter }),
    ...(size !== undefined && encoder.size === undefined && { size }),
    ...(encoder.classes.length > 1 && classIndex < encoder.classes.length && { classIndex }),
  };
}

/** How many slices the encoder is going to be shown, roughly: a filter wants a few more at the ends. */
export function sliceCount(choices: Choices, { shape }: CaseInfo): number {
  const { method, preset, directions, slices, axis } = choices;
  switch (methods[method].directions) {
    case 'axis':
      return shape[axis];
    case 'axes':
      return shape[0] + shape[1] + shape[2];
    case 'fibonacci': {
      const plan = planMethod({ method, preset, directions, slices });
      return plan.directions * (plan.slices ?? 0);
    }
  }
}
