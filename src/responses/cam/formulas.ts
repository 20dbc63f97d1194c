/**
 * Class activation maps that are a formula of a layer's activation A and the logit's gradient g by it: one table, each
 * formula written in the operators of the encoder's own graph, so that the engine gives the map and nothing larger
 * leaves it. All are of the logit, and none is normalised by its slice: per-slice minima and maxima would destroy the
 * values that a sum over slices and a threshold need.
 */
import type { Operators } from '../../onnx/operators.ts';

/** A layer's activation and gradient: tensors of one shape, with one axis of channels and one or two of the plane. */
export interface LayerTensors {
  readonly activation: string;
  readonly gradient: string;
  readonly channels: number;
  readonly plane: readonly number[];
}

/** Adds a formula to a graph: the name of a map without the axis of channels, [n, rows, columns] or [n, tokens]. */
export type Formula = (o: Operators, layer: LayerTensors) => string;

/** max(0, Σ_c w_c·A_c), with one weight a channel or one an element. */
function positiveSum(o: Operators, weights: string, { activation, channels }: LayerTensors): string {
  return o.op('Relu', [o.sum(o.mul(weights, activation), [channels], false)]);
}

/** GradCAM (Selvaraju et al. 2017, Eq. 1 and 2): a channel's weight is the mean of its gradient. */
const gradCam: Formula = (o, layer) => positiveSum(o, o.mean(layer.gradient, layer.plane), layer);

/** What keeps GradCAM++'s α finite, as in pytorch-grad-cam. */
const EPSILON = 1e-6;

/**
 * GradCAM++ (Chattopadhay et al. 2018, Eq. 19 with the logit in place of its exponential): w = Σ max(0, g)·α,
 * α = g²/(2g² + (Σ A)·g³ + ε), which is 0 where g is.
 */
const gradCamPlusPlus: Formula = (o, layer) => {
  const { activation, gradient, plane } = layer;
  const square = o.mul(gradient, gradient);
  const cube = o.mul(square, gradient);
  const denominator = o.add(o.add(o.mul(square, 2), o.mul(o.sum(activation, plane), cube)), EPSILON);
  const alpha = o.div(square, denominator);
  return positiveSum(o, o.sum(o.mul(o.op('Relu', [gradient]), alpha), plane), layer);
};

/** LayerCAM (Jiang et al. 2021, Eq. 5 to 7): every element has its own weight, max(0, g). */
const layerCam: Formula = (o, layer) => positiveSum(o, o.op('Relu', [layer.gradient]), layer);

export const formulas = {
  gradcam: { title: 'GradCAM', formula: gradCam },
  'gradcam++': { title: 'GradCAM++', formula: gradCamPlusPlus },
  layercam: { title: 'LayerCAM', formula: layerCam },
} as const satisfies Record<string, { readonly title: string; readonly formula: Formula }>;

export type GradientCamName = keyof typeof formulas;
