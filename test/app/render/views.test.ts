import { describe, expect, it } from 'vitest';
import {
  cameraAfterKey,
  FIRST_CAMERA,
  seenFrom,
  turned,
  VIEWS,
  zoomed,
} from '../../../src/app/render/views.ts';

const front = { azimuth: 180, elevation: 0, zoom: 1 };

describe('camera of the render', () => {
  it('comes round and ends overhead', () => {
    expect(turned({ ...front, azimuth: 350 }, 20, 0).azimuth).toBe(10);
    expect(turned({ ...front, azimuth: 10 }, -20, 0).azimuth).toBe(350);
    expect(turned({ ...front, elevation: 85 }, 0, 20).elevation).toBe(90);
    expect(turned({ ...front, elevation: -85 }, 0, -20).elevation).toBe(-90);
  });

  it('zooms between its limits', () => {
    expect(zoomed(front, 2).zoom).toBe(2);
    expect(zoomed(front, 100).zoom).toBe(2.4);
    expect(zoomed(front, 0.01).zoom).toBe(0.5);
  });

  it('has opposite sides half a turn apart and keeps the zoom when it changes sides', () => {
    expect((VIEWS.A.azimuth + 180) % 360).toBe(VIEWS.P.azimuth);
    expect((VIEWS.L.azimuth + 180) % 360).toBe(VIEWS.R.azimuth);
    expect(VIEWS.S.elevation).toBe(-VIEWS.I.elevation);
    expect(seenFrom({ ...front, zoom: 1.5 }, 'R')).toEqual({ azimuth: 270, elevation: 0, zoom: 1.5 });
  });

  it('is moved by the render’s keys, in small steps with Shift, and by no other', () => {
    expect(cameraAfterKey(front, 'ArrowRight', false)?.azimuth).toBe(190);
    expect(cameraAfterKey(front, 'ArrowLeft', true)?.azimuth).toBe(179);
    expect(cameraAfterKey(front, 'ArrowDown', false)?.elevation).toBe(10);
    expect(cameraAfterKey(front, 'ArrowUp', false)?.elevation).toBe(-10);
    expect(cameraAfterKey(front, '+', false)?.zoom).toBe(1.25);
    expect(cameraAfterKey(front, '-', false)?.zoom).toBe(0.8);
    expect(cameraAfterKey(front, 'Home', false)).toEqual(FIRST_CAMERA);
    for (const key of ['a', 'Enter', 'Tab', 'Escape', ' ', 'PageUp']) {
      expect(cameraAfterKey(front, key, false)).toBeUndefined();
    }
  });
});
