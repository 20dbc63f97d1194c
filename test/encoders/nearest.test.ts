import { expect, test } from 'vitest';
import { nearest } from '../../src/encoders/nearest.ts';

test('whole names: few letters differ, or what is wanted is a part', () => {
  const organs = ['liver', 'kidney', 'spleen', 'left kidney'];
  expect(nearest('Kidny', organs)).toEqual(['kidney']);
  expect(nearest('kidney', organs)).toEqual(['kidney', 'left kidney']);
  expect(nearest('sple', organs)).toEqual(['spleen']);
  expect(nearest('aorta', organs)).toEqual([]);
  expect(nearest('i', organs)).toEqual([]);
});

test('parts of names: what exporters put around them costs nothing', () => {
  const names = [
    '/layer1/layer1.0/act1/Relu_output_0',
    '/layer1/layer1.0/act2/Relu_output_0',
    '/layer4/layer4.1/act2/Relu_output_0',
    'logits',
  ];
  expect(nearest('layer1.0/act2', names, { parts: true })[0]).toBe(names[1]);
  expect(nearest('Layer1.0.act2', names, { parts: true })[0]).toBe(names[1]);
  expect(nearest('layer4.1_atc2', names, { parts: true })[0]).toBe(names[2]);
  expect(nearest('encoder.blocks', names, { parts: true })).toEqual([]);
  expect(nearest('layer1.0_act2', names)).toEqual([]);
});

test('of names equally near the first ones, three at most', () => {
  expect(nearest('ab', ['xab1', 'ab', 'ab3', 'ab4'])).toEqual(['xab1', 'ab', 'ab3']);
});
