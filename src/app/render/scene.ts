/**
 * NiiVue as a renderer and nothing else: it is given an image, an overlay and a camera, and whatever in it asks for a
 * drawing gets the next frame. Frames are made beside the canvas and put on it when the GPU is done, one at a time: a slow
 * GPU, or none, costs sharpness while the camera moves, and never holds the page up.
 */
import { Niivue, NVImage, SLICE_TYPE } from '@niivue/niivue';
import { DeviceError } from '../../errors.ts';
import { spacing } from '../../volume/volume.ts';
import type { RenderVolume } from '../protocol.ts';
import { Easel } from './easel.ts';
import { type OverlayLook, overlayPixels } from './overlay.ts';
import { type Camera, type Cut, VIEWS } from './views.ts';

export interface Look extends OverlayLook {
  /** What is clear and white of the image, as shares of its range. */
  readonly window: readonly [low: number, high: number];
  /** Opacity of the image, 0 to 1. */
  readonly body: number;
}

/** A frame takes at most about this long while the camera moves, and once it rests, in milliseconds. */
const MOVING_FRAME = 50;
const RESTING_FRAME = 400;

/** Smallest share of the full number of pixels along a side. */
const COARSEST = 0.125;

/** Pixels of a frame that tells what pixels cost, and how much sharper a frame must be to be worth another one. */
const MEASURABLE = 1000;
const SHARPER = 1.2;

/** NiiVue's zoom at which a volume's diagonal fills the canvas. */
const WHOLE = 1.25;

/** Distance of the camera from the middle, in halves of the volume's diagonal. */
const CLEAR = 1.05;

/** How long a camera that does not move has rested, and how often a frame is asked whether it is done, in milliseconds. */
const REST = 250;
const POLL = 4;

/** NIfTI's numbers for bytes, and for colours with opacity. */
const BYTES = 2;
const COLOURS = 2304;

/** Grey whose opacity grows with it: what is black is air. */
const IMAGE_COLORMAP = 'tonno-image';
const IMAGE_COLOURS = {
  R: [0, 110, 255],
  G: [0, 108, 252],
  B: [0, 106, 246],
  A: [0, 70, 160],
  I: [0, 110, 255],
};

/** Share of the light that depends on how a surface lies. */
const SHADING = 0.5;

/** The renderers without a GPU that browsers are known to use. */
const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;

export class Scene {
  /** Whether the processor stands in for a GPU. */
  readonly software: boolean;
  readonly #viewer: Niivue;
  readonly #gl: WebGL2RenderingContext;
  readonly #easel: Easel;
  /** What NiiVue draws with. */
  readonly #draw: () => void;
  #shown?: RenderVolume;
  #images: readonly [NVImage, NVImage] | [] = [];
  #look?: Look;
  #width = 1;
  #height = 1;
  /** Milliseconds a pixel, from the last frames. */
  #cost = 0;
  #moved = 0;
  #frame = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #warm = false;
  #busy = false;
  /** Layers that the GPU does not have yet: the image is 0, the overlay 1. */
  readonly #stale = new Set<0 | 1>();
  #wanted = false;
  #closed = false;

  /**
   * Takes hold of a canvas.
   * @throws DeviceError where there is no WebGL 2.
   */
  static async open(canvas: HTMLCanvasElement): Promise<Scene> {
    const gl = canvas.getContext('webgl2', { alpha: true, antialias: false });
    if (!gl) {
      throw new DeviceError('3D render', 'This browser has no WebGL 2, which it is drawn with.', {
        remedy: 'Turn on graphics acceleration in the browser’s settings, or use another browser.',
      });
    }
    // It is the context that NiiVue will be given, without the two questions that it would wait for: whether a frame is
    // done, and, for every plane of a volume, whether a framebuffer is whole.
    gl.finish = () => gl.flush();
    gl.checkFramebufferStatus = () => gl.FRAMEBUFFER_COMPLETE;
    const easel = new Easel(gl, canvas);
    const viewer = new Niivue({
      sliceType: SLICE_TYPE.RENDER,
      // Pointer, wheel, keys and dropped files are the page's.
      interactive: false,
      dragAndDropEnabled: false,
      isResizeCanvas: false,
      forceDevicePixelRatio: -1,
      isOrientCube: true,
      show3Dcrosshair: false,
      clipPlaneColor: [0, 0, 0, 0],
      backColor: [0, 0, 0, 1],
      loadingText: '',
      logLevel: 'error',
    });
    // There are none to shade.
    viewer.meshShaders = [];
    const draw = viewer.drawScene.bind(viewer);
    viewer.drawScene = () => {};
    const scene = new Scene(viewer, gl, easel, draw);
    try {
      await viewer.attachToCanvas(canvas, false);
      viewer.addColormap(IMAGE_COLORMAP, IMAGE_COLOURS);
      await viewer.setVolumeRenderIllumination(SHADING);
    } catch (error) {
      scene.close();
      throw error;
    }
    viewer.drawScene = () => scene.#request();
    return scene;
  }

  private constructor(viewer: Niivue, gl: WebGL2RenderingContext, easel: Easel, draw: () => void) {
    this.#viewer = viewer;
    this.#gl = gl;
    this.#easel = easel;
    this.#draw = draw;
    const info = gl.getExtension('WEBGL_debug_renderer_info');
    const renderer = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
    this.software = SOFTWARE.test(String(renderer));
  }

  /** Shows a volume in a certain way: another one, or new values on the same grid. */
  show(volume: RenderVolume, look: Look): void {
    const [image, overlay] = this.#images;
    const pixels = overlayPixels(volume, look);
    if (image && overlay && this.#shown && sameGrid(volume, this.#shown)) {
      image.img = volume.image;
      overlay.img = pixels;
    } else {
      this.#images = [nifti(volume, BYTES, volume.image), nifti(volume, COLOURS, pixels)];
    }
    this.#shown = volume;
    this.#window(look);
    this.#look = look;
    this.#stale.add(0).add(1);
    this.#request();
  }

  /** Shows the same volume in another way. */
  look(look: Look): void {
    const [image, overlay] = this.#images;
    const before = this.#look;
    if (!this.#shown || !image || !overlay || !before) return;
    const imageChanged =
      look.body !== before.body || look.window[0] !== before.window[0] || look.window[1] !== before.window[1];
    const overlayChanged =
      look.range !== before.range || look.opacity !== before.opacity || look.lesions !== before.lesions;
    if (!imageChanged && !overlayChanged) return;
    this.#look = look;
    this.#window(look);
    if (imageChanged) this.#stale.add(0);
    if (overlayChanged) {
      const into = overlay.img instanceof Uint8Array ? overlay.img : undefined;
      overlay.img = overlayPixels(this.#shown, look, into);
      this.#stale.add(1);
    }
    // A slider that is drawn along counts as moving.
    this.#moved = performance.now();
    this.#request();
  }

  #window({ window: [low, high], body }: Look): void {
    const [image] = this.#images;
    if (!image) return;
    image.cal_min = 255 * low;
    // NiiVue divides by the width of the window.
    image.cal_max = Math.max(255 * high, image.cal_min + 1);
    image.opacity = body;
  }

  /** Looks from somewhere, with the body cut open or whole. */
  aim({ azimuth, elevation, zoom }: Camera, cut?: Cut): void {
    const { scene } = this.#viewer;
    scene.renderAzimuth = azimuth;
    scene.renderElevation = elevation;
    scene.volScaleMultiplier = WHOLE * zoom;
    scene.clipPlaneDepthAziElevs = [cut ? clipPlane(cut) : [2, 0, 0]];
    this.#moved = performance.now();
    this.#request();
  }

  /** The canvas is so many pixels of the screen large. */
  resize(width: number, height: number): void {
    this.#width = Math.max(Math.round(width), 1);
    this.#height = Math.max(Math.round(height), 1);
    this.#request();
  }

  /** Gives everything back that the GPU holds. */
  close(): void {
    this.#closed = true;
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#viewer.drawScene = () => {};
    this.#viewer.cleanup();
    this.#viewer.volumes = [];
    this.#images = [];
    this.#gl.getExtension('WEBGL_lose_context')?.loseContext();
  }

  #request(): void {
    this.#wanted = true;
    if (this.#busy || this.#closed || !this.#shown) return;
    this.#busy = true;
    clearTimeout(this.#timer);
    this.#prepare();
  }

  /** Hands one layer over at a time: the page would have to wait where the GPU has not digested the one before. */
  #prepare(): void {
    const [image, overlay] = this.#images;
    const layer = ([0, 1] as const).find((one) => this.#stale.has(one));
    if (layer === undefined || !image || !overlay) {
      this.#frame = requestAnimationFrame(() => this.#paint());
      return;
    }
    this.#stale.delete(layer);
    // NiiVue draws what it knows of: another image only together with its voxels.
    this.#viewer.volumes = [image, overlay];
    this.#viewer.back = image;
    this.#viewer.overlays = [overlay];
    this.#viewer.refreshLayers(layer === 0 ? image : overlay, layer);
    this.#wait(() => this.#prepare());
  }

  #paint(): void {
    this.#wanted = false;
    const resting = performance.now() - this.#moved > REST;
    const share = this.#share(resting ? RESTING_FRAME : MOVING_FRAME);
    const width = Math.max(Math.round(this.#width * share), 1);
    const height = Math.max(Math.round(this.#height * share), 1);
    const started = performance.now();
    this.#stepBack();
    this.#easel.paint(width, height, this.#draw);
    this.#wait(() => {
      // The first frame is about shaders, and tiny ones are about everything but pixels.
      const pixels = width * height;
      if (this.#warm && pixels > MEASURABLE) this.#cost = (performance.now() - started) / pixels;
      this.#warm = true;
      this.#frame = requestAnimationFrame(() => {
        this.#easel.present(this.#width, this.#height);
        // What is told the GPU in this task comes before the canvas is shown, and a page without a GPU waits for that.
        this.#timer = setTimeout(() => {
          this.#busy = false;
          if (this.#wanted) this.#request();
          else if (this.#share(RESTING_FRAME) > SHARPER * share) {
            this.#timer = setTimeout(() => this.#request(), resting ? 0 : REST);
          }
        });
      });
    });
  }

  /** Has the camera stand outside the volume; the nearer NiiVue zooms, the nearer it stands. */
  #stepBack(): void {
    const viewer = this.#viewer;
    if (viewer.volumes.length === 0) return;
    viewer.setPivot3D();
    const away = (0.8 * 1.8) / viewer.scene.volScaleMultiplier;
    viewer.position = [0, 0, -viewer.furthestFromPivot * Math.max(CLEAR - away, 0)];
  }

  /** The sharpness at which a frame takes so long. */
  #share(milliseconds: number): number {
    // What was never measured is unknown: a machine without a GPU must not begin with a second's frame.
    const cost = this.#cost || (this.software ? 0.005 : 0);
    const pixels = cost > 0 ? milliseconds / cost : Number.POSITIVE_INFINITY;
    return Math.min(Math.max(Math.sqrt(pixels / (this.#width * this.#height)), COARSEST), 1);
  }

  /** Goes on when the GPU has done all that it was told so far. */
  #wait(goOn: () => void): void {
    const gl = this.#gl;
    const fence = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    const ask = () => {
      if (this.#closed) return;
      if (fence && gl.clientWaitSync(fence, 0, 0) === gl.TIMEOUT_EXPIRED) {
        this.#timer = setTimeout(ask, POLL);
        return;
      }
      gl.deleteSync(fence);
      goOn();
    };
    this.#timer = setTimeout(ask, POLL);
  }
}

function sameGrid(a: RenderVolume, b: RenderVolume): boolean {
  return String(a.shape) === String(b.shape) && String(a.affine) === String(b.affine);
}

/** An image as NiiVue wants it: with a header, as if it were a file. */
function nifti(
  { shape: [depth, height, width], affine }: RenderVolume,
  type: number,
  data: Uint8Array,
): NVImage {
  const size = spacing({ affine });
  const image = new NVImage(null, '', IMAGE_COLORMAP);
  image.hdr = NVImage.createNiftiHeader(
    [width, height, depth],
    [size[2], size[1], size[0]],
    [...affine],
    type,
  );
  image.img = data;
  image.nVox3D = width * height * depth;
  image.nFrame4D = 1;
  // Known, so that NiiVue need not go through the voxels for them.
  image.global_min = 0;
  image.global_max = 255;
  image.cal_min = 0;
  image.cal_max = 255;
  image.calculateRAS();
  return image;
}

/** Depth from the middle, azimuth and elevation as NiiVue counts them for planes: its azimuths run the other way round. */
function clipPlane({ view, depth }: Cut): number[] {
  const { azimuth, elevation } = VIEWS[view];
  return [0.5 - depth, (360 - azimuth) % 360, elevation];
}
