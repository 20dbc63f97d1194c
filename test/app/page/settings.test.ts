import { describe, expect, it } from 'vitest';
import {
  initialChoices,
  layerOf,
  obstacle,
  offeredCams,
  settingsOf,
  sliceCount,
  storedChoices,
} from '../../../src/app/page/settings.ts';
import { sorted, sourcesOf } from '../../../src/app/page/sources.ts';
import { duration, progressSentence } from '../../../src/app/page/words.ts';
import { caseInfo, encoderInfo, progress, source } from './fakes.ts';

describe('settings', () => {
  const everything = {
    ...initialChoices,
    layer: 'c',
    directions: 20,
    slices: 8,
    size: 32,
    filter: 'hann:0.5',
    axis: 2,
  } as const;

  it('send what means something to the method, and nothing else', () => {
    expect(settingsOf({ ...everything, method: 'tonno' }, encoderInfo)).toEqual({
      method: 'tonno',
      preset: 'standard',
      device: 'auto',
      directions: 20,
      slices: 8,
      size: 32,
      filter: 'hann:0.5',
    });
    expect(settingsOf({ ...everything, method: 'averaged-cam' }, encoderInfo)).toEqual({
      method: 'averaged-cam',
      preset: 'standard',
      device: 'auto',
      cam: 'layercam',
      layer: 'c',
      directions: 20,
      slices: 8,
      size: 32,
    });
    const two = { ...encoderInfo, size: 16, classes: ['a', 'b'] };
    expect(settingsOf({ ...everything, method: 'cam', classIndex: 1 }, two)).toEqual({
      method: 'cam',
      preset: 'standard',
      device: 'auto',
      cam: 'layercam',
      layer: 'c',
      axis: 2,
      classIndex: 1,
    });
  });

  it('know how many slices there are to look at', () => {
    const info = caseInfo('x', [10, 20, 30]);
    expect(sliceCount({ ...everything, method: 'tonno' }, info)).toBe(160);
    expect(sliceCount({ ...initialChoices, method: 'tonno', preset: 'paper' }, info)).toBe(200_000);
    expect(sliceCount({ ...initialChoices, method: 'tomographic-cam' }, info)).toBe(3200);
    expect(sliceCount({ ...everything, method: 'cam' }, info)).toBe(30);
    expect(sliceCount({ ...everything, method: 'cam-3axes' }, info)).toBe(60);
  });

  it('fall back to what the encoder has', () => {
    expect(layerOf({ ...initialChoices, layer: 'gone' }, encoderInfo)).toBe('b');
    expect(layerOf(initialChoices, { ...encoderInfo, layers: [] })).toBeUndefined();
    const flat = { ...encoderInfo, layers: [], noLayers: 'It has none.' };
    expect(obstacle({ ...initialChoices, method: 'cam' }, flat)).toBe('It has none.');
    expect(obstacle(initialChoices, flat)).toBeUndefined();
  });

  it('that were stored come back as far as they are known', () => {
    expect(storedChoices(JSON.parse(JSON.stringify(everything)))).toMatchObject({
      directions: 20,
      slices: 8,
      filter: 'hann:0.5',
    });
    expect(
      storedChoices({ method: 'magic', preset: 3, directions: -1, cam: 'scorecam', device: 'cuda' }),
    ).toEqual(initialChoices);
    expect(storedChoices('nonsense')).toEqual(initialChoices);
  });

  it('offer the maps that one run gives', () => {
    expect(offeredCams.map(({ name }) => name)).toEqual(['gradcam', 'gradcam++', 'layercam']);
  });
});

it('files are told apart by their names', () => {
  const files = [new File([], '.DS_Store'), new File([], 'scan.nii'), new File([], 'net.onnx')];
  const { volume, encoder } = sorted(sourcesOf(files));
  expect(volume.map(({ name }) => name)).toEqual(['scan.nii']);
  expect(encoder?.name).toBe('net.onnx');
  expect(sorted([source('a.nii')])).not.toHaveProperty('encoder');
});

it('times are as a person says them', () => {
  expect([0.2, 59, 60, 3599, 3600, 7500].map(duration)).toEqual([
    '1 s',
    '59 s',
    '1 min',
    '1 h 0 min',
    '1 h 0 min',
    '2 h 5 min',
  ]);
  expect(progressSentence({ ...progress(10), total: 10 })).toBe('10 of 10 angles done.');
  expect(progressSentence({ ...progress(1), total: 2000, left: 90 })).toBe(
    '1 of 2,000 angles done, about 2 min left.',
  );
});
