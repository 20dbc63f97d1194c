/**
 * The case in three dimensions: a canvas that is turned by pointer or arrow keys, and the controls around it. What is
 * shown is asked of the desk and drawn by `scene.ts`; this file knows neither voxels nor NiiVue. It is loaded when its
 * panel is opened, and NiiVue with it.
 */
import { type ReadonlySignal, useSignal, useSignalEffect } from '@preact/signals';
import type { Remote } from 'comlink';
import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { CaseInfo, DeskApi } from '../protocol.ts';
import { type Failure, failureOf } from '../remote.ts';
import './render.css';
import { RenderControls } from './RenderControls.tsx';
import { type Look, Scene } from './scene.ts';
import { useTurning } from './turning.ts';
import { type Cut, FIRST_CAMERA } from './views.ts';

export interface Render3dProps {
  readonly desk: Remote<DeskApi>;
  readonly info: CaseInfo;
  /** Grows whenever what `desk.render` gives has changed. */
  readonly revision: ReadonlySignal<number>;
  /** Half of the symmetric range of colours. */
  readonly range: number;
  /** Of the heatmap, 0 to 1. */
  readonly opacity: number;
  /** The image's values that are clear and white. */
  readonly window: readonly [low: number, high: number];
  readonly showLesions: boolean;
  onFailure(failure: Failure): void;
}

/** Longest side in voxels: of what a GPU turns smoothly, and of what a processor can. */
const SIDE = 192;
const SOFTWARE_SIDE = 128;

/** How long values have to rest before the desk is asked for them again, and sliders before all is laid out anew. */
const VALUES_REST = 300;
const LOOK_REST = 80;

/** Opacity of the image at first: it is seen through. */
const FIRST_BODY = 0.6;

export default function Render3d(props: Render3dProps): JSX.Element {
  // A canvas whose context is lost is of no use any more: another attempt is another canvas.
  const attempt = useSignal(0);
  return (
    <Attempt
      key={attempt.value}
      {...props}
      onAgain={() => {
        attempt.value++;
      }}
    />
  );
}

/** Values of the image as shares of what the desk's bytes span: the first window. */
function sharesOf(
  values: readonly [number, number],
  { windows: [{ low, high }] }: CaseInfo,
): [number, number] {
  const share = (value: number) => (value - low) / (high - low || 1);
  return [share(values[0]), share(values[1])];
}

function Attempt(props: Render3dProps & { onAgain(): void }): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const scene = useRef<Scene | undefined>(undefined);
  const state = useSignal<'waiting' | 'shown' | 'lost' | Failure>('waiting');
  const camera = useSignal(FIRST_CAMERA);
  const cut = useSignal<Cut | undefined>(undefined);
  const body = useSignal(FIRST_BODY);

  const look: Look = {
    range: props.range,
    opacity: props.opacity,
    window: sharesOf(props.window, props.info),
    lesions: props.showLesions,
    body: body.value,
  };
  const latest = useRef({ look, props });
  latest.current = { look, props };

  const load = useRef<() => void>(() => {});
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    let closed = false;
    let opened: Scene | undefined;
    let asking = false;
    let again = false;
    let timer: ReturnType<typeof setTimeout> | undefined;

    const fail = (error: unknown) => {
      if (closed) return;
      const failure = failureOf(error);
      // Said where the picture would be, or by the page, beside the picture that stays.
      if (state.peek() === 'shown') latest.current.props.onFailure(failure);
      else state.value = failure;
    };
    const ended = () => closed || state.peek() === 'lost';
    const ask = async () => {
      if (!opened || ended()) return;
      // Never two requests at once: the desk answers in order, and only the last answer counts.
      if (asking) {
        again = true;
        return;
      }
      asking = true;
      try {
        const volume = await latest.current.props.desk.render(opened.software ? SOFTWARE_SIDE : SIDE);
        if (ended()) return;
        opened.show(volume, latest.current.look);
        state.value = 'shown';
      } catch (error) {
        fail(error);
      } finally {
        asking = false;
        if (again) {
          again = false;
          load.current();
        }
      }
    };
    load.current = () => {
      clearTimeout(timer);
      timer = setTimeout(ask, VALUES_REST);
    };

    const measure = () => {
      opened?.resize(element.clientWidth * devicePixelRatio, element.clientHeight * devicePixelRatio);
    };
    const size = new ResizeObserver(measure);
    const lose = (event: Event) => {
      event.preventDefault();
      if (!closed) state.value = 'lost';
    };
    element.addEventListener('webglcontextlost', lose);
    Scene.open(element)
      .then((made) => {
        if (closed) {
          made.close();
          return;
        }
        opened = made;
        scene.current = made;
        measure();
        size.observe(element);
        made.aim(camera.peek(), cut.peek());
        void ask();
      })
      .catch(fail);
    return () => {
      closed = true;
      clearTimeout(timer);
      size.disconnect();
      element.removeEventListener('webglcontextlost', lose);
      opened?.close();
      scene.current = undefined;
    };
  }, []);

  const revision = props.revision;
  const seen = useRef(revision.peek());
  useSignalEffect(() => {
    if (revision.value === seen.current) return;
    seen.current = revision.value;
    load.current();
  });
  useSignalEffect(() => {
    // Read whether or not there is a scene yet, so that changes are heard of.
    const [from, opening] = [camera.value, cut.value];
    scene.current?.aim(from, opening);
  });
  const [low, high] = look.window;
  useEffect(() => {
    const timer = setTimeout(() => scene.current?.look(latest.current.look), LOOK_REST);
    return () => clearTimeout(timer);
  }, [look.range, look.opacity, low, high, look.lesions, look.body]);

  const turning = useTurning(camera);
  const failed = typeof state.value === 'object' ? state.value : undefined;
  return (
    <section class="render3d" aria-label="3D render" data-state={failed ? 'failed' : state.value}>
      <div class="render3d-stage">
        <div
          class="render3d-handle"
          data-testid="render-canvas"
          role="application"
          // biome-ignore lint/a11y/noNoninteractiveTabindex: it is turned by keys.
          tabIndex={0}
          aria-label={`${props.info.name} in three dimensions`}
          aria-describedby="render3d-keys"
          {...turning}
        >
          <canvas ref={canvas} class="render3d-canvas" />
        </div>
        {state.value === 'waiting' && <p class="render3d-message">The render is being made.</p>}
        {state.value === 'lost' && (
          <div class="render3d-message" role="alert">
            <p>The graphics card stopped, or was needed elsewhere. Nothing else was lost.</p>
            <button type="button" onClick={props.onAgain}>
              Show it again
            </button>
          </div>
        )}
        {failed && (
          <p class="render3d-message" role="alert">
            {failed.problem} {failed.remedy}
          </p>
        )}
      </div>
      {!failed && (
        <>
          <p class="render3d-keys" id="render3d-keys">
            Drag, or press the arrow keys, to turn; + and − to zoom; Home to begin again.
          </p>
          <RenderControls camera={camera} cut={cut} body={body} />
        </>
      )}
    </section>
  );
}
