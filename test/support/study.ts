/**
 * A study as a real one would come out, made of seeded random numbers: two encoders, three methods at four layers and
 * ToNNO, curves, logits, FROC curves and pictures of phantoms. The numbers are invented; their order is the paper's.
 */
import { lesionPhantom } from '../../src/datasets/phantom.ts';
import {
  type CaseResult,
  defaultProtocol,
  type Evaluation,
  type Fold,
  type MetricName,
  type Summary,
} from '../../src/evaluation/evaluation.ts';
import { type Random, randomStreams } from '../../src/geometry/random.ts';
import { renderCase, widestPlanes } from '../../src/report/case.ts';
import { renderComparison, renderSeeds, renderSettings } from '../../src/report/grids.ts';
import type {
  Picture,
  StudyEncoder,
  StudyReport,
  StudyResult,
  TrainingPoint,
} from '../../src/report/study.ts';
import { createVolume, type Shape, type Volume } from '../../src/volume/volume.ts';

export interface SyntheticOptions {
  readonly encoders?: number;
  /** Pictures of cases in the gallery; default 0, and no other pictures either. */
  readonly gallery?: number;
  /** Voxels along each axis of the phantoms in the pictures. */
  readonly side?: number;
  readonly truth?: Evaluation['truth'];
}

/** F1-score and overlap at layers 1 to 4, as the paper's Table 8 has them. */
const LAYERED: readonly { method: string; baseline: boolean; f1: number[]; overlap: number[] }[] = [
  { method: 'LayerCAM', baseline: true, f1: [0.29, 0.39, 0.3, 0.15], overlap: [0.28, 0.35, 0.28, 0.17] },
  {
    method: 'Averaged LayerCAM',
    baseline: false,
    f1: [0.49, 0.53, 0.43, 0.19],
    overlap: [0.41, 0.48, 0.37, 0.17],
  },
  {
    method: 'Tomographic LayerCAM',
    baseline: false,
    f1: [0.43, 0.55, 0.55, 0.52],
    overlap: [0.29, 0.41, 0.41, 0.38],
  },
];

export function syntheticStudy({
  encoders = 2,
  gallery = 0,
  side = 48,
  truth = 'masks',
}: SyntheticOptions = {}): StudyReport {
  const names = ['R-10-T, FBN', 'R-10-T, GN', 'R-50, GN', 'R-10-T, BN', 'R-10-T, NP'].slice(0, encoders);
  const results = names.flatMap((encoder, e) => encoderResults(encoder, e, truth));
  const cases = Array.from({ length: gallery }, (_, i) => casePicture(i, side));
  return {
    title: 'Lesions in phantoms, from labels of volumes',
    notes: [
      'Each encoder was trained on the labels of whole volumes alone and asked for the place of the lesions by four methods.',
      'A small cohort of phantoms: the numbers show that the way is walked to its end, not how good a method is in patients.',
    ],
    cohort: {
      name: 'Lesion phantoms',
      modality: 'synthetic',
      volumes: '64 × 64 × 64 voxels of 2 × 2 × 2 mm',
      splits: [
        { split: 'training', positives: 80, negatives: 80, patients: 160 },
        { split: 'validation', positives: 20, negatives: 20, patients: 40 },
      ],
    },
    encoders: names.map((name, e) => syntheticEncoder(name, e)),
    results,
    gallery: cases,
    ...(gallery > 0 && { comparison: comparisonPicture(side) }),
    grids: gallery > 0 ? gridPictures(side) : [],
    settings: [
      ['directions', '2000'],
      ['slices', '100'],
      ['filter', 'gaussian:0.06'],
      ['seed', '0'],
      ['batch', '4 + 4 volumes × 8 slices'],
      ['steps', '4000'],
      ['learning rate', '0.001 → 0.000001, cosine'],
      ['augmentation', 'scale 0.3, shift 0.3, intensity 0.3'],
      ['folds', '10'],
    ],
    versions: [
      ['tonno', '0.1.0'],
      ['onnxruntime-node', '1.30.0'],
      ['Node', 'v20.19.0'],
      ['machine', '2 cores, linux x64'],
    ],
  };
}

function encoderResults(encoder: string, e: number, truth: Evaluation['truth']): StudyResult[] {
  const shift = [0, -0.02, 0.01, -0.07, -0.2][e];
  const layered = LAYERED.flatMap(({ method, baseline, f1, overlap }, m) =>
    f1.map((value, i) => ({
      encoder,
      method,
      layer: String(i + 1),
      baseline,
      evaluation: syntheticEvaluation(value + shift, overlap[i] + shift, 100 * e + 10 * m + i, truth),
    })),
  );
  const tonno = {
    encoder,
    method: 'ToNNO',
    baseline: false,
    evaluation: syntheticEvaluation(0.5 + shift, 0.35 + shift, 100 * e + 50, truth),
  };
  return [...layered.slice(0, 4), tonno, ...layered.slice(4)];
}

/** An evaluation whose F1-score and overlap have these means over ten folds, almost. */
export function syntheticEvaluation(
  f1: number,
  overlap: number,
  seed: number,
  truth: Evaluation['truth'] = 'masks',
): Evaluation {
  const [random] = randomStreams(seed + 1, 1);
  const means: Partial<Record<MetricName, number>> = {
    precision: f1 + 0.12,
    recall: f1 - 0.03,
    f1,
    [truth === 'boxes' ? 'maxIou' : 'dice']: overlap,
    balancedAccuracy: 0.72 + 0.3 * f1,
    sensitivity: 0.76 + 0.3 * f1,
    specificity: 0.68 + 0.3 * f1,
    auc: 0.78 + 0.3 * f1,
    froc: f1 + 0.08,
    averagePrecision: overlap - 0.05,
    ...(truth === 'masks' && { volumeAgreement: overlap - 0.2 }),
  };
  const cases = Array.from({ length: 40 }, (_, i) => syntheticCase(i, f1, overlap, random));
  const folds = Array.from({ length: defaultProtocol.folds }, (_, i): Fold => {
    const entries = Object.entries(means).map(([name, mean]) => [name, mean + 0.03 * random.normal()]);
    return {
      fit: cases.slice(0, 20).map(({ name }) => name),
      measure: cases.slice(20).map(({ name }) => name),
      tunedOn: cases.slice(i, i + 5).map(({ name }) => name),
      high: 1 + 0.1 * random.normal(),
      low: 0.5,
      metrics: Object.fromEntries(entries),
    };
  });
  return {
    settings: defaultProtocol,
    truth,
    notes: truth === 'boxes' ? ['Only one box a case was drawn: precision and F1-score are too low.'] : [],
    summary: summaryOf(folds),
    folds,
    cases,
    froc: frocCurve(f1, random),
  };
}

function summaryOf(folds: readonly Fold[]): Partial<Record<MetricName, Summary>> {
  const names = Object.keys(folds[0].metrics) as MetricName[];
  return Object.fromEntries(
    names.map((name) => {
      const values = folds.map(({ metrics }) => metrics[name]!);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const deviation = Math.sqrt(squares / (values.length - 1));
      return [name, { mean, deviation, interval: [mean - 0.08, Math.min(mean + 0.07, 1)] as const }];
    }),
  );
}

function syntheticCase(i: number, f1: number, overlap: number, random: Random): CaseResult {
  const label = i % 2 === 0 ? 1 : 0;
  return {
    name: `phantom_${String(i).padStart(3, '0')}`,
    patient: `patient_${i}`,
    label,
    maximum: label + 0.5 * random.normal(),
    folds: 5,
    calledPositive: label === 1 ? 0.8 : 0.2,
    metrics: label === 1 ? { f1, dice: overlap } : {},
    ...(label === 1 && { trueVolume: 4000 + 1000 * random.uniform([0, 1]) }),
  };
}

function frocCurve(f1: number, random: Random): Evaluation['froc'] {
  const falsePositives = [0, 0.02, 0.05, 0.1, 0.15, 0.25, 0.4, 0.7, 1.1, 1.8, 2.6, 4.2, 7, 11, 18];
  let reached = 0;
  const sensitivity = falsePositives.map((x) => {
    reached = Math.max(reached, (f1 + 0.4) * (1 - 0.9 / (1 + 4 * x ** 0.7)) + 0.02 * random.normal());
    return Math.min(reached, 1);
  });
  return { falsePositives, sensitivity };
}

function syntheticEncoder(name: string, e: number): StudyEncoder {
  const [curve, logits] = randomStreams(900 + e, 2);
  const points = Array.from({ length: 81 }, (_, i): TrainingPoint => {
    const step = 50 * i;
    const loss = 0.69 * Math.exp(-step / (900 + 300 * e)) + 0.1 + 0.03 * curve.normal();
    return i % 10 === 0
      ? {
          step,
          loss,
          auc: 0.5 + 0.45 * (1 - Math.exp(-step / (700 + 200 * e))) + 0.01 * curve.normal(),
          balancedAccuracy: 0.5 + 0.35 * (1 - Math.exp(-step / 900)),
        }
      : { step, loss };
  });
  const values = (count: number, share: number) =>
    Array.from({ length: count }, () =>
      logits.uniform([0, 1]) < share ? 3 + 1.4 * logits.normal() : -2.5 + 1.1 * logits.normal(),
    );
  return {
    name,
    description: `ResNet with frozen batch normalisation, half width, trained for 4000 steps; network ${e + 1}`,
    curve: points,
    logits: { positive: values(3000, 0.35), negative: values(3000, 0.03) },
  };
}

/** A heatmap that finds the lesions, more or less blurred and noisy, with some negative values around them. */
function syntheticHeatmap(mask: Volume, blur: number, seed: number): Volume {
  const [random] = randomStreams(seed, 1);
  const smooth = boxBlur(mask, blur);
  const wide = boxBlur(mask, 2 * blur + 1);
  const noise = boxBlur(
    createVolume(
      Float32Array.from(mask.data, () => random.normal()),
      mask.shape,
      { geometry: mask.geometry },
    ),
    2,
  );
  const data = smooth.data.map((value, i) => value - 0.6 * wide.data[i] + 0.35 * noise.data[i]);
  return createVolume(data, mask.shape, { geometry: mask.geometry });
}

/** Means over cubes of 2 · radius + 1 voxels, one axis after the other. */
function boxBlur(volume: Volume, radius: number): Volume {
  const [depth, height, width] = volume.shape;
  let data = volume.data;
  for (const [length, stride] of [
    [depth, height * width],
    [height, width],
    [width, 1],
  ]) {
    data = data.map((_, i, from) => {
      const at = Math.floor(i / stride) % length;
      let sum = 0;
      for (let k = Math.max(-radius, -at); k <= Math.min(radius, length - 1 - at); k++)
        sum += from[i + k * stride];
      return sum / (2 * radius + 1);
    });
  }
  return createVolume(data, volume.shape, { geometry: volume.geometry });
}

function phantomCase(seed: number, side: number, lesions = 3) {
  const shape: Shape = [side, side, side];
  const radius = side / 12;
  const { image, mask } = lesionPhantom({
    shape,
    seed,
    lesions,
    lesionRadius: [0.7 * radius, 1.4 * radius],
    tubes: 2,
    plates: 1,
  });
  return { image, mask };
}

const CASE_METHODS = [
  { label: 'LayerCAM (layer 2)', blur: 4 },
  { label: 'ToNNO', blur: 1 },
  { label: 'Averaged LayerCAM (layer 2)', blur: 3 },
  { label: 'Tomographic LayerCAM (layer 3)', blur: 2 },
];

function casePicture(i: number, side: number): Picture {
  const positive = i % 4 !== 3;
  const { image, mask } = phantomCase(i, side, positive ? 2 + (i % 3) : 0);
  const methods = CASE_METHODS.map(({ label, blur }, m) => {
    const heatmap = syntheticHeatmap(mask, blur, 20 * i + m + 1);
    const segmentation = Uint8Array.from(heatmap.data, (value) => (value > 0.25 ? 1 : 0));
    return { label, heatmap, segmentation };
  });
  const planes = widestPlanes(Uint8Array.from(mask.data), mask.shape);
  return renderCase({
    title: `phantom_${String(i).padStart(3, '0')}${positive ? '' : ' (negative)'}`,
    image,
    methods,
    ...(positive && { truth: mask }),
    ...(planes && { planes }),
  });
}

function comparisonPicture(side: number): Picture {
  const { image, mask } = phantomCase(0, side);
  const planes = widestPlanes(Uint8Array.from(mask.data), mask.shape)!;
  return renderComparison({
    title: 'phantom_000',
    image,
    truth: mask,
    axis: 0,
    index: planes[0],
    layers: ['layer 1', 'layer 2', 'layer 3', 'layer 4'],
    methods: [
      ...LAYERED.map(({ method }, m) => ({
        label: method,
        heatmaps: [1, 2, 3, 4].map((blur) => syntheticHeatmap(mask, m === 2 ? 1 : blur, 300 + 10 * m + blur)),
      })),
      { label: 'ToNNO', heatmap: syntheticHeatmap(mask, 1, 350) },
    ],
  });
}

function gridPictures(side: number): Picture[] {
  const { image, mask } = phantomCase(0, side);
  const planes = widestPlanes(Uint8Array.from(mask.data), mask.shape)!;
  const shown = { title: 'phantom_000', image, truth: mask, axis: 0, index: planes[0] } as const;
  return [
    renderSeeds({ ...shown, seeds: [0, 1], heatmaps: [1, 2].map((s) => syntheticHeatmap(mask, 1, 400 + s)) }),
    renderSettings({
      ...shown,
      slices: [25, 50, 100],
      directions: [500, 1000, 2000],
      heatmaps: [3, 2, 1].map((blur) => [7, 8, 9].map((s) => syntheticHeatmap(mask, blur, 400 + s))),
    }),
  ];
}
