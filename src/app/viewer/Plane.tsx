/** One plane: a canvas that shows it, and takes what keys, pointers and the wheel do. */
import { effect, useComputed, useSignal } from '@preact/signals';
import type { Remote } from 'comlink';
import type { JSX, RefObject } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Axis } from '../../report/planes.ts';
import type { DeskApi, PlaneRequest } from '../protocol.ts';
import { type Failure, failureOf } from '../remote.ts';
import { frameOf, keptInSight, type Size, toCanvas } from './coordinates.ts';
import { Gestures } from './gestures.ts';
import { Latest } from './latest.ts';
import { PictureCanvas } from './picture.ts';
import { short, type ViewerState } from './state.ts';

export interface PlaneProps {
  readonly state: ViewerState;
  readonly desk: Remote<DeskApi>;
  readonly axis: Axis;
  onFailure(failure: Failure): void;
}

type Spot = readonly [x: number, y: number];

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export function Plane(props: PlaneProps): JSX.Element {
  const { state, axis } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  const { gestures, pointer } = useCanvas(props, canvas);
  const view = state.info.views[axis];
  const count = state.info.shape[axis];
  const index = state.crosshair.value[axis];
  const release = (event: PointerEvent) => gestures.release(event.pointerId);
  return (
    <figure class="plane">
      <figcaption>
        <span>{capital(view.name)}</span>
        <span class="count">
          {index + 1} / {count}
        </span>
      </figcaption>
      <canvas
        ref={canvas}
        data-testid={`plane-${axis}`}
        data-tool={state.tool.value}
        tabIndex={0}
        role="slider"
        aria-label={`${capital(view.name)} plane`}
        aria-orientation="vertical"
        aria-valuemin={1}
        aria-valuemax={count}
        aria-valuenow={index + 1}
        aria-valuetext={describe(state, index + 1, count)}
        aria-describedby="viewer-keys-hint"
        onFocus={() => {
          state.plane.value = axis;
        }}
        onContextMenu={(event) => event.preventDefault()}
        onMouseDown={(event) => {
          // The middle button would scroll the page.
          if (event.button === 1) event.preventDefault();
        }}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          gestures.press(event, spotOf(event));
        }}
        onPointerMove={(event) => {
          pointer.value = spotOf(event);
          gestures.move(event.pointerId, pointer.value);
        }}
        onPointerUp={release}
        onPointerCancel={release}
        onPointerLeave={() => {
          pointer.value = undefined;
        }}
      />
    </figure>
  );
}

/** Keeps a canvas true to the state, and what is done on it. */
function useCanvas(
  { state, desk, axis, onFailure }: PlaneProps,
  canvas: RefObject<HTMLCanvasElement | null>,
) {
  const size = useSignal<Size>({ width: 0, height: 0 });
  const pointer = useSignal<Spot | undefined>(undefined);
  const shown = useSignal(0);
  const picture = useMemo(() => new PictureCanvas(), []);
  const { info, crosshair } = state;
  const { shape, spacing } = info;
  const view = info.views[axis];
  const seen = useComputed(() => size.value.width > 0);
  const frame = useComputed(() => frameOf(view, info, size.value, state.zoom.value, state.centre.value));
  const gestures = useMemo(
    () => new Gestures(state, axis, () => ({ size: size.peek(), frame: frame.peek() })),
    [state],
  );
  const asking = useMemo(
    () =>
      new Latest<{ request: PlaneRequest; version: number }>(
        async ({ request, version }) => {
          picture.put(await desk.plane(request));
          // Drawn by the effect below before this goes on.
          shown.value++;
          state.drawn(axis, version);
        },
        (error) => onFailure(failureOf(error)),
      ),
    [desk, state],
  );
  useAtOnce(() => {
    const version = state.version.value;
    const request = state.request(axis);
    if (seen.value) asking.ask({ request, version });
    else state.drawn(axis, version);
  }, [state]);
  useAtOnce(() => {
    const voxel = crosshair.value;
    if (!seen.value) return;
    state.centre.value = keptInSight(view, shape, frame.peek(), size.peek(), voxel, state.centre.peek());
  }, [state]);
  useAtOnce(() => {
    if (!canvas.current || !seen.value || shown.value === 0) return;
    const { width, height } = frame.value;
    const radius = (along: Axis, length: number) =>
      ((state.brush.value / spacing[along]) * length) / shape[along];
    const radii = [radius(view.columns.axis, width), radius(view.rows.axis, height)] as const;
    const cross = toCanvas(view, shape, frame.value, crosshair.value);
    // Without a pointer it is the keyboard's, at the crosshair of the plane that keys move in.
    const at = pointer.value ?? (state.plane.value === axis ? cross : undefined);
    picture.draw(canvas.current, size.value, {
      frame: frame.value,
      view,
      crosshair: cross,
      ...(at && state.tool.value !== 'look' && { brush: { at, radii } }),
    });
  }, [state]);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      size.value = { width: Math.floor(width), height: Math.floor(height) };
    });
    observer.observe(element);
    const wheel = (event: WheelEvent) => {
      event.preventDefault();
      gestures.turn(event, [event.offsetX, event.offsetY]);
    };
    const drawAgain = () => {
      shown.value++;
    };
    // What was on the canvas went with the graphics card.
    element.addEventListener('contextrestored', drawAgain);
    // Preact's own listener would be passive, and the page would scroll.
    element.addEventListener('wheel', wheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener('contextrestored', drawAgain);
      element.removeEventListener('wheel', wheel);
    };
  }, [gestures]);
  return { gestures, pointer };
}

/**
 * Signals' own hook waits for the next frame. By then the next threshold is on its way to the desk, and planes asked for
 * behind it would always show the one before.
 */
function useAtOnce(run: () => void, inputs: readonly unknown[]): void {
  useEffect(() => effect(run), inputs);
}

function spotOf({ currentTarget, clientX, clientY }: PointerEvent): Spot {
  const { left, top } = (currentTarget as Element).getBoundingClientRect();
  return [clientX - left, clientY - top];
}

function describe(state: ViewerState, slice: number, of: number): string {
  const probe = state.probe.value;
  const value = probe ? `, value ${short(probe.values[state.channel.value])}` : '';
  return `Slice ${slice} of ${of}${value}`;
}
