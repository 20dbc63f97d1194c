/** The logit of every slice along a plane's view axis, under the plane (Fig. 2b), with where the crosshair is. */
import type { JSX } from 'preact';
import type { Axis } from '../../report/planes.ts';
import type { LogitProfile } from '../protocol.ts';
import { polylines, valueRange } from './profile-lines.ts';
import { short, type ViewerState } from './state.ts';

const WIDTH = 200;
const HEIGHT = 48;

export function Profile({
  state,
  axis,
  profile,
}: {
  state: ViewerState;
  axis: Axis;
  profile: LogitProfile | undefined;
}): JSX.Element {
  const index = state.crosshair.value[axis];
  if (!profile) {
    return (
      <p class="profile-none" data-testid={`profile-${axis}`}>
        No logit profile yet.
      </p>
    );
  }
  const { values } = profile;
  const range = valueRange(values);
  const x = ((index + 0.5) / values.length) * WIDTH;
  const y = (value: number) => HEIGHT - ((value - range.low) / (range.high - range.low)) * HEIGHT;
  const here = values[index];
  const move = (event: PointerEvent) => {
    const box = (event.currentTarget as Element).getBoundingClientRect();
    state.moveToSlice(axis, Math.floor(((event.clientX - box.left) / box.width) * values.length));
  };
  return (
    <figure class="profile" data-testid={`profile-${axis}`}>
      <figcaption>
        <span>Logit by slice</span>
        <output>{Number.isNaN(here) ? 'not measured here' : short(here)}</output>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        preserveAspectRatio="none"
        role="img"
        aria-label={`Logits from ${short(range.lowest)} to ${short(range.highest)}; at slice ${index + 1}: ${short(here)}.`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId);
          move(event);
        }}
        onPointerMove={(event) => {
          if (event.currentTarget.hasPointerCapture(event.pointerId)) move(event);
        }}
      >
        <line class="zero" x1={0} x2={WIDTH} y1={y(0)} y2={y(0)} />
        {polylines(values, WIDTH, y).map((points) => (
          <polyline key={points} points={points} />
        ))}
        <line class="here" x1={x} x2={x} y1={0} y2={HEIGHT} />
      </svg>
    </figure>
  );
}
