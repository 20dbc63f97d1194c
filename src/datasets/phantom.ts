/**
 * Volumes made from nothing but numbers, with a known truth. `smoothPhantom` is the band-limited volume on which
 * the reconstruction must give back what went in; `lesionPhantom` is a body with bright round lesions among
 * bright things that are not round, so that a classifier has something to learn and a heatmap something to find.
 */
import { UsageError } from '../errors.ts';
import { type Random, type Range, randomStreams } from '../geometry/random.ts';
import {
  createVolume,
  type Geometry,
  type Shape,
  type Vector,
  type Volume,
  voxelCount,
} from '../volume/volume.ts';
import { type Body, drawBody, drawOrgan, drawPlate, drawTube, inBody, SHARP_EDGE } from './anatomy.ts';
import { ellipsoid, paint, type Solid } from './solids.ts';
import { smoothTexture } from './texture.ts';

/** A Gaussian height · exp(−|x − centre|² / 2σ²) in normalised coordinates, where each axis runs from −1 to 1. */
export interface GaussianBlob {
  readonly centre: Vector;
  readonly sigma: number;
  readonly height: number;
}

/** Blobs of several sizes and both signs whose sum is below 1e-4 from radius 0.95 outward. */
export const smoothBlobs: readonly GaussianBlob[] = [
  { centre: [0.05, -0.04, 0.03], sigma: 0.19, height: 1 },
  { centre: [-0.15, 0.12, 0.2], sigma: 0.14, height: 0.8 },
  { centre: [0.22, 0.2, -0.12], sigma: 0.12, height: -0.6 },
  { centre: [-0.1, -0.35, -0.2], sigma: 0.1, height: 0.7 },
  { centre: [0.3, -0.15, 0.3], sigma: 0.1, height: -0.5 },
];

/**
 * A sum of Gaussians, for the proof that R⁻¹R_Σ V ≈ V. Being smooth and inside the unit ball, it meets the
 * conditions of the inversion formula. Its affine is the identity: only normalised coordinates matter here.
 * @param shape (D, H, W), each at least 2.
 */
export function smoothPhantom(shape: Shape, blobs: readonly GaussianBlob[] = smoothBlobs): Volume {
  const data = new Float32Array(voxelCount(shape));
  const [depth, height, width] = shape;
  for (const { centre, sigma, height: peak } of blobs) {
    // A Gaussian is a product over the axes, so that exponentials are needed per axis only.
    const [along0, along1, along2] = shape.map((length, axis) =>
      Float64Array.from({ length }, (_, i) => {
        const offset = (2 * i) / (length - 1) - 1 - centre[axis];
        return Math.exp((-offset * offset) / (2 * sigma * sigma));
      }),
    );
    let position = 0;
    for (let d = 0; d < depth; d++) {
      for (let h = 0; h < height; h++) {
        const factor = peak * along0[d] * along1[h];
        for (let w = 0; w < width; w++) data[position++] += factor * along2[w];
      }
    }
  }
  return createVolume(data, shape);
}

/** What a lesion phantom is made of. Lengths are in voxels; intensities are relative to the body's 1 and air's 0. */
export interface LesionPhantomOptions {
  /** (D, H, W); default 64 × 64 × 64. */
  readonly shape?: Shape;
  /** An integer of 32 bits. The same seed with another number of lesions is the same body. Default 0. */
  readonly seed?: number;
  /** Radii of the body as shares of half the volume's axes, drawn for each axis. Default 0.82 to 0.92. */
  readonly bodySize?: Range;
  /** Number of lesions; 0 makes a negative case. Default 3. */
  readonly lesions?: number;
  /** Radii are drawn from here, for each axis of a lesion. Default 3 to 6. */
  readonly lesionRadius?: Range;
  /** Intensity inside a lesion. Default 2 to 3. */
  readonly lesionIntensity?: Range;
  /** Number of soft organs, brighter or darker than the body. Default 5. */
  readonly organs?: number;
  /** Largest difference of an organ from the body. Default 0.35. */
  readonly organContrast?: number;
  /** Number of bright curved vessels, 1 to 2 voxels in radius. Default 3. */
  readonly tubes?: number;
  /** Number of bright flat discs, 2 to 3 voxels thick. Default 2. */
  readonly plates?: number;
  /** Intensity inside tubes and plates, as bright as lesions by default so that no threshold tells them apart. */
  readonly distractorIntensity?: Range;
  /**
   * Voxels that lesions, tubes and plates fill at least half, all together. Beside those asked for, tubes and plates
   * are added until there are as many, so that a case with lesions can be as bright as one without. Default 0: none.
   */
  readonly brightVolume?: number;
  /** Standard deviation of the smooth texture. Default 0.1. */
  readonly texture?: number;
  /** Size of the texture's grains. Default 6. */
  readonly textureGrain?: number;
  /** Standard deviation of the white noise. Default 0.08. */
  readonly noise?: number;
}

/** A lesion of a phantom: an ellipsoid along the array's axes. */
export interface PhantomLesion {
  /** Voxel indices (axis 0, axis 1, axis 2), not rounded. */
  readonly centre: Vector;
  /** Voxels. */
  readonly radii: Vector;
  /** Intensity at the centre, before texture and noise. */
  readonly intensity: number;
}

/** A phantom and its truth. */
export interface LesionPhantom {
  /** One channel, air 0, body about 1, never negative. */
  readonly image: Volume;
  /** 1 in voxels whose centre lies in a lesion, else 0. */
  readonly mask: Volume;
  readonly lesions: readonly PhantomLesion[];
}

const defaults: Required<LesionPhantomOptions> = {
  shape: [64, 64, 64],
  seed: 0,
  bodySize: [0.82, 0.92],
  lesions: 3,
  lesionRadius: [3, 6],
  lesionIntensity: [2, 3],
  organs: 5,
  organContrast: 0.35,
  tubes: 3,
  plates: 2,
  distractorIntensity: [2, 3],
  brightVolume: 0,
  texture: 0.1,
  textureGrain: 6,
  noise: 0.08,
};

/**
 * A body with organs, vessels, plates, noise and bright roundish lesions that do not touch one another. Voxels are
 * 2 mm, axes point to S, A and R, and the world's origin is the middle of the grid. Same options, same bytes.
 * @throws UsageError when the lesions do not fit into the body.
 */
export function lesionPhantom(options: LesionPhantomOptions = {}): LesionPhantom {
  const recipe = { ...defaults, ...options };
  const { shape } = recipe;
  const [forBody, forOrgans, forDistractors, forLesions, forTexture, forNoise, forFiller] = randomStreams(
    recipe.seed,
    7,
  );

  const body = drawBody(shape, recipe.bodySize, forBody);
  const tissue = new Float32Array(voxelCount(shape)).fill(1);
  addOrgans(tissue, body, recipe, forOrgans);

  const bright = new BrightThings(shape, body);
  for (const distractor of drawDistractors(body, recipe, forDistractors)) bright.add(distractor);
  const lesions = placeLesions(body, bright.excess, recipe, forLesions);
  const mask = new Float32Array(tissue.length);
  for (const { centre, radii, intensity } of lesions) {
    const solid = ellipsoid(centre, radii, SHARP_EDGE);
    bright.add({ solids: [solid], intensity });
    paint(shape, solid, (position, fill) => {
      if (fill >= 0.5) mask[position] = 1;
    });
  }
  addFiller(bright, body, lesions, recipe, forFiller);

  const image = new Float32Array(tissue.length);
  const texture = smoothTexture(shape, recipe.textureGrain, forTexture);
  for (let i = 0; i < tissue.length; i++) {
    tissue[i] += bright.excess[i] + recipe.texture * texture[i] + recipe.noise * forNoise.normal();
  }
  paint(shape, body.solid, (position, fill) => {
    image[position] = Math.max(fill * tissue[position], 0);
  });
  const geometry = centredGeometry(shape, 2);
  return {
    image: createVolume(image, shape, { geometry }),
    mask: createVolume(mask, shape, { geometry }),
    lesions,
  };
}

/** Voxels of `size` millimetres, RAS+, with the world's origin in the middle of the grid. */
function centredGeometry([depth, height, width]: Shape, size: number): Geometry {
  const start = (length: number) => (-size * (length - 1)) / 2;
  return {
    affine: [size, 0, 0, start(width), 0, size, 0, start(height), 0, 0, size, start(depth), 0, 0, 0, 1],
  };
}

function addOrgans(
  tissue: Float32Array,
  body: Body,
  { shape, organs, organContrast }: Required<LesionPhantomOptions>,
  random: Random,
): void {
  for (let i = 0; i < organs; i++) {
    const organ = drawOrgan(body, random);
    // Brighter and darker take turns; a contrast near 0 would be no organ.
    const contrast = organContrast * random.uniform([0.5, 1]) * (i % 2 === 0 ? 1 : -1);
    paint(shape, organ, (position, fill) => {
      tissue[position] += contrast * fill;
    });
  }
}

/** A lesion, a tube or a plate. */
interface BrightThing {
  readonly solids: readonly Solid[];
  readonly intensity: number;
}

/** Bright things, kept as an excess over the body and joined by maximum: crossings are not brighter still. */
class BrightThings {
  /** [D, H, W] in C order. */
  readonly excess: Float32Array;
  private readonly shape: Shape;
  private readonly empty: Uint8Array;
  private filled = 0;

  constructor(shape: Shape, { solid }: Body) {
    this.shape = shape;
    this.excess = new Float32Array(voxelCount(shape));
    this.empty = new Uint8Array(this.excess.length);
    paint(shape, solid, (position, fill) => {
      if (fill >= 0.5) this.empty[position] = 1;
    });
  }

  /** Voxels of the body that they fill at least half. */
  get volume(): number {
    return this.filled;
  }

  add({ solids, intensity }: BrightThing): void {
    for (const solid of solids) {
      paint(this.shape, solid, (position, fill) => {
        this.excess[position] = Math.max(this.excess[position], (intensity - 1) * fill);
        if (fill < 0.5) return;
        this.filled += this.empty[position];
        this.empty[position] = 0;
      });
    }
  }
}

function drawDistractors(
  body: Body,
  { tubes, plates, distractorIntensity }: Required<LesionPhantomOptions>,
  random: Random,
): BrightThing[] {
  const draw = (count: number, solids: () => Solid[]) =>
    Array.from({ length: count }, () => ({
      solids: solids(),
      intensity: random.uniform(distractorIntensity),
    }));
  return [...draw(tubes, () => drawTube(body, random)), ...draw(plates, () => [drawPlate(body, random)])];
}

const ATTEMPTS = 2000;
const STARTS = 20;

/** Adds tubes and plates that leave the lesions' middles free until bright things fill the volume asked for. */
function addFiller(
  bright: BrightThings,
  body: Body,
  lesions: readonly PhantomLesion[],
  { shape, brightVolume, distractorIntensity }: Required<LesionPhantomOptions>,
  random: Random,
): void {
  const middles = lesions.map(({ centre }) => centre.map(Math.round));
  for (let attempt = 0; bright.volume < brightVolume && attempt < ATTEMPTS; attempt++) {
    const solids = random.below(2) === 0 ? drawTube(body, random) : [drawPlate(body, random)];
    const intensity = random.uniform(distractorIntensity);
    if (middles.every(([d, h, w]) => solids.every((solid) => solid.fill(d, h, w) === 0))) {
      bright.add({ solids, intensity });
    }
  }
  if (bright.volume < brightVolume) {
    throw new UsageError(
      `lesionPhantom of ${shape.join('×')} voxels`,
      `Bright things fill only ${bright.volume} of ${brightVolume} voxels, however many there are.`,
      { remedy: 'Ask for a smaller brightVolume, or for a larger shape.' },
    );
  }
}

/** Voxels between the surfaces of two lesions, so that their soft edges stay apart. */
const LESION_GAP = 4;

function placeLesions(
  body: Body,
  excess: Float32Array,
  { shape, lesions: count, lesionRadius, lesionIntensity }: Required<LesionPhantomOptions>,
  random: Random,
): PhantomLesion[] {
  const placed: PhantomLesion[] = [];
  for (let attempt = 0; placed.length < count && attempt < STARTS * ATTEMPTS; attempt++) {
    // The first ones may lie so that no other finds room: begin anew.
    if (attempt % ATTEMPTS === 0) placed.length = 0;
    const lesion: PhantomLesion = {
      centre: inBody(body, random.inBall()),
      radii: drawRadii(lesionRadius, random),
      intensity: random.uniform(lesionIntensity),
    };
    const [d, h, w] = lesion.centre.map(Math.round);
    const onDistractor = excess[(d * shape[1] + h) * shape[2] + w] > 0;
    if (!onDistractor && fits(lesion, body) && placed.every((other) => apart(lesion, other))) {
      placed.push(lesion);
    }
  }
  if (placed.length < count) {
    throw new UsageError(
      `lesionPhantom of ${shape.join('×')} voxels`,
      `Only ${placed.length} of ${count} lesions found room in the body.`,
      { remedy: 'Ask for fewer or smaller lesions, or for a larger shape.' },
    );
  }
  return placed;
}

/** One size, and three radii within 15 % of it, so that lesions are roundish but not all balls. */
function drawRadii(range: Range, random: Random): Vector {
  const size = random.uniform(range);
  const radius = () => Math.min(Math.max(size * random.uniform([0.85, 1.15]), range[0]), range[1]);
  return [radius(), radius(), radius()];
}

/** Whether the lesion's bounding box, soft edge included, lies in the body: a corner inside means all inside. */
function fits({ centre, radii }: PhantomLesion, body: Body): boolean {
  let level = 0;
  for (let axis = 0; axis < 3; axis++) {
    const corner = (Math.abs(centre[axis] - body.centre[axis]) + radii[axis] + SHARP_EDGE) / body.radii[axis];
    level += corner * corner;
  }
  return level < 1;
}

function apart(a: PhantomLesion, b: PhantomLesion): boolean {
  const squared = a.centre.reduce((sum, c, axis) => sum + (c - b.centre[axis]) * (c - b.centre[axis]), 0);
  return Math.sqrt(squared) > Math.max(...a.radii) + Math.max(...b.radii) + LESION_GAP;
}
