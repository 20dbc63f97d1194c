/**
 * The render in the hand: one pointer turns, two zoom, and the render's keys do both. Keys that are not the render's go on
 * to the page.
 */
import type { Signal } from '@preact/signals';
import type { HTMLAttributes } from 'preact';
import { useRef } from 'preact/hooks';
import { type Camera, cameraAfterKey, turned, zoomed } from './views.ts';

/** A pointer over this many pixels turns by a degree. */
const PIXELS_A_DEGREE = 2;

type Handlers = Pick<
  HTMLAttributes<HTMLDivElement>,
  'onKeyDown' | 'onPointerDown' | 'onPointerMove' | 'onPointerUp' | 'onPointerCancel'
>;

/** Handlers of events for what shows what a camera sees. */
export function useTurning(camera: Signal<Camera>): Handlers {
  const pointers = useRef(new Map<number, { x: number; y: number }>()).current;

  function release(event: PointerEvent): void {
    pointers.delete(event.pointerId);
  }

  return {
    onKeyDown(event) {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      const next = cameraAfterKey(camera.peek(), event.key, event.shiftKey);
      if (!next) return;
      event.preventDefault();
      event.stopPropagation();
      camera.value = next;
    },
    onPointerDown(event) {
      if (event.button !== 0) return;
      event.currentTarget.setPointerCapture(event.pointerId);
      pointers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    },
    onPointerMove(event) {
      const before = pointers.get(event.pointerId);
      if (!before) return;
      const other = [...pointers].find(([id]) => id !== event.pointerId)?.[1];
      const now = { x: event.clientX, y: event.clientY };
      pointers.set(event.pointerId, now);
      if (other) {
        const apart = Math.hypot(before.x - other.x, before.y - other.y);
        const factor = Math.hypot(now.x - other.x, now.y - other.y) / Math.max(apart, 1);
        camera.value = zoomed(camera.peek(), factor);
      } else {
        const [across, down] = [now.x - before.x, now.y - before.y];
        camera.value = turned(camera.peek(), across / PIXELS_A_DEGREE, down / PIXELS_A_DEGREE);
      }
    },
    onPointerUp: release,
    onPointerCancel: release,
  };
}
