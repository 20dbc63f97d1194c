/** One plane: a canvas that shows it, moves the crosshair and takes the brush's strokes. */
import { useComputed, useSignal, useSignalEffect } from '@preact/signals';
import type { Remote } from 'comlink';
import type { JSX } from 'preact';
import { useEffect, useMemo, useRef } from 'preact/hooks';
import type { Axis } from '../../report/planes.ts';
import type { DeskApi, PlaneRequest } from '../protocol.ts';
import { type Failure, failureOf } from '../remote.ts';
import { frameOf, type Size, toCanvas, toVoxel } from './coordinates.ts';
import { Latest } from './latest.ts';
import { PictureCanvas } from './picture.ts';
import { short, type ViewerState } from './state.ts';

export interface PlaneProps {
  readonly state: ViewerState;
  readonly desk: Remote<DeskApi>;
  readonly axis: Axis;
  onFailure(failure: Failure): void;
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);

export function Plane({ state, desk, axis, onFailure }: PlaneProps): JSX.Element {
  const canvas = useRef<HTMLCanvasElement>(null);
  const size = useSignal<Size>({ width: 0, height: 0 });
  const pointer = useSignal<readonly [number, number] | undefined>(undefined);
  const shown = useSignal(0);
  const picture = useMemo(() => new PictureCanvas(), []);
  const view = state.info.views[axis];
  const { shape, spacing } = state.info;

  const asking = useMemo(
    () =>
      new Latest<PlaneRequest>(
        async (request) => {
          picture.put(await desk.plane(request));
          shown.value++;
        },
        (error) => onFailure(failureOf(error)),
      ),
    [desk],
  );
  useSignalEffect(() => {
    state.version.value;
    asking.ask(state.request(axis));
  });
  const frame = useComputed(() =>
    frameOf(view, state.info, size.value, state.zoom.value, state.crosshair.value),
  );
  useSignalEffect(() => {
    const drawn = shown.value > 0;
    if (!canvas.current || size.value.width === 0) return;
    const { width, height } = frame.value;
    const radii = [
      ((state.brush.value / spacing[view.columns.axis]) * width) / shape[view.columns.axis],
      ((state.brush.value / spacing[view.rows.axis]) * height) / shape[view.rows.axis],
    ] as const;
    const crosshair = toCanvas(view, shape, frame.value, state.crosshair.value);
    const at = pointer.value ?? crosshair;
    picture.draw(canvas.current, size.value, {
      frame: frame.value,
      view,
      crosshair,
      ...(state.tool.value !== 'look' && { brush: { at, radii } }),
    });
    if (drawn) state.drawn(axis);
  });
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const observer = new ResizeObserver(([entry]) => {
      const { width, height } = entry.contentRect;
      size.value = { width: Math.floor(width), height: Math.floor(height) };
    });
    observer.observe(element);
    const wheel = (event: WheelEvent) => turnWheel(event, state, axis);
    // Preact's own listener would be passive, and the page would scroll.
    element.addEventListener('wheel', wheel, { passive: false });
    return () => {
      observer.disconnect();
      element.removeEventListener('wheel', wheel);
    };
  }, []);

  const placeOf = (event: PointerEvent): readonly [number, number] => {
    const box = canvas.current?.getBoundingClientRect();
    return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
  };
  const point = (event: PointerEvent) =>
    toVoxel(view, shape, frame.peek(), placeOf(event), state.crosshair.peek());
  const act = (event: PointerEvent) => {
    if (state.tool.peek() === 'look') state.moveTo(point(event));
    else state.paint(point(event));
  };
  const index = state.crosshair.value[axis];
  return (
    <figure class="plane" data-current={state.plane.value === axis}>
      <figcaption>
        <span>{capital(view.name)}</span>
        <span class="count">
          {index + 1} / {shape[axis]}
        </span>
      </figcaption>
      <canvas
        ref={canvas}
        data-testid={`plane-${axis}`}
        tabIndex={0}
        role="slider"
        aria-label={`${capital(view.name)} plane`}
        aria-orientation="vertical"
        aria-valuemin={1}
        aria-valuemax={shape[axis]}
        aria-valuenow={index + 1}
        aria-valuetext={describe(state, index + 1, shape[axis])}
        aria-describedby="viewer-keys-hint"
        onFocus={() => {
          state.plane.value = axis;
        }}
        onPointerDown={(event) => {
          if (event.button !== 0) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          act(event);
        }}
        onPointerMove={(event) => {
          pointer.value = placeOf(event);
          if (event.currentTarget.hasPointerCapture(event.pointerId)) act(event);
        }}
        onPointerUp={() => state.endStroke()}
        onPointerLeave={() => {
          pointer.value = undefined;
        }}
      />
    </figure>
  );
}

function describe(state: ViewerState, slice: number, of: number): string {
  const probe = state.probe.value;
  const value = probe ? `, value ${short(probe.values[state.channel.value])}` : '';
  return `Slice ${slice} of ${of}${value}`;
}

/** Wheel points after which a slice has gone by. */
const WHEEL_STEP = 40;
const ZOOM_STEP = 1.2;
let turned = 0;

/** Slices go by; with Ctrl, or two fingers on a trackpad, the zoom changes. */
function turnWheel(event: WheelEvent, state: ViewerState, axis: Axis): void {
  event.preventDefault();
  if (event.ctrlKey) {
    zoom(state, event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP);
    return;
  }
  turned += event.deltaY * (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? WHEEL_STEP : 1);
  const steps = Math.trunc(turned / WHEEL_STEP);
  if (steps === 0) return;
  turned -= steps * WHEEL_STEP;
  const moved: [number, number, number] = [...state.crosshair.peek()];
  moved[axis] += steps;
  state.moveTo(moved);
}

const MOST_ZOOM = 12;

export function zoom(state: ViewerState, by: number): void {
  state.zoom.value = Math.min(Math.max(state.zoom.peek() * by, 1), MOST_ZOOM);
}
