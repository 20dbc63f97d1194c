/**
 * From where the render is looked at: an azimuth around the patient's long axis and an elevation above it, in degrees as
 * NiiVue counts them. 180° is in front of the patient, 270° on the patient's right; elevation 90° is overhead.
 */

export interface Camera {
  readonly azimuth: number;
  readonly elevation: number;
  /** 1 shows the whole volume. */
  readonly zoom: number;
}

/** Where the body is cut open: what lies on this side of a plane is taken away. */
export interface Cut {
  readonly view: ViewName;
  /** From the volume's face on that side (0) to the other (1). */
  readonly depth: number;
}

export type ViewName = 'A' | 'P' | 'L' | 'R' | 'S' | 'I';

/** Anterior is up in the views from above and below, superior in the others. */
export const VIEWS: Readonly<
  Record<ViewName, { readonly title: string; readonly azimuth: number; readonly elevation: number }>
> = {
  A: { title: 'From the front', azimuth: 180, elevation: 0 },
  P: { title: 'From behind', azimuth: 0, elevation: 0 },
  L: { title: 'From the patient’s left', azimuth: 90, elevation: 0 },
  R: { title: 'From the patient’s right', azimuth: 270, elevation: 0 },
  S: { title: 'From above', azimuth: 0, elevation: 90 },
  I: { title: 'From below', azimuth: 180, elevation: -90 },
};

export const VIEW_NAMES = Object.keys(VIEWS) as readonly ViewName[];

/** Obliquely from the front, so that depth is seen. */
export const FIRST_CAMERA: Camera = { azimuth: 215, elevation: 15, zoom: 1 };

/** Beyond the upper one NiiVue loses sight of the far side. */
const ZOOM_LIMITS = [0.5, 2.4] as const;

/** Degrees of a step of the arrow keys, and with Shift. */
const STEP = 10;
const SMALL_STEP = 1;
const ZOOM_STEP = 1.25;

/** A camera moved: the azimuth comes round, elevation and zoom end at their limits. */
export function turned(camera: Camera, azimuth: number, elevation: number): Camera {
  return {
    ...camera,
    azimuth: (((camera.azimuth + azimuth) % 360) + 360) % 360,
    elevation: clamp(camera.elevation + elevation, -90, 90),
  };
}

export function zoomed(camera: Camera, factor: number): Camera {
  return { ...camera, zoom: clamp(camera.zoom * factor, ...ZOOM_LIMITS) };
}

/** The camera that looks from a side, as near as before. */
export function seenFrom(camera: Camera, view: ViewName): Camera {
  const { azimuth, elevation } = VIEWS[view];
  return { ...camera, azimuth, elevation };
}

/** The camera after a key, or undefined where the key is none of the render's. */
export function cameraAfterKey(camera: Camera, key: string, fine: boolean): Camera | undefined {
  const step = fine ? SMALL_STEP : STEP;
  switch (key) {
    // The side that faces the viewer goes where the arrow points.
    case 'ArrowLeft':
      return turned(camera, -step, 0);
    case 'ArrowRight':
      return turned(camera, step, 0);
    case 'ArrowUp':
      return turned(camera, 0, -step);
    case 'ArrowDown':
      return turned(camera, 0, step);
    case '+':
    case '=':
      return zoomed(camera, ZOOM_STEP);
    case '-':
    case '_':
      return zoomed(camera, 1 / ZOOM_STEP);
    case 'Home':
      return FIRST_CAMERA;
    default:
      return undefined;
  }
}

function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
