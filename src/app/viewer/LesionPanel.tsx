/** Thresholds and the lesions that follow from them: where each is, how large, how sure, and what a person thinks of it. */
import type { JSX } from 'preact';
import type { Decision, FoundLesion } from '../protocol.ts';
import { Panel, SliderField } from './Field.tsx';
import { short, type ViewerState, volumeText } from './state.ts';

/** Lesions that are listed; thresholds near the noise make thousands. */
const LISTED = 100;

export function LesionPanel({ state }: { state: ViewerState }): JSX.Element | null {
  const heatmap = state.heatmap.value;
  if (!heatmap) return null;
  const { low, high } = state.thresholds.value;
  const { minimum, maximum } = heatmap;
  const step = (maximum - minimum) / 1000 || 1e-6;
  return (
    <Panel title="Lesions">
      <SliderField
        label="Peak, τ"
        title="A lesion reaches above this value."
        testId="high"
        min={minimum}
        max={maximum}
        step={step}
        value={high}
        onInput={(value) => state.setThreshold('high', value)}
      />
      <SliderField
        label="Extent, τ′"
        title="A lesion’s voxels are above this value."
        testId="low"
        min={minimum}
        max={maximum}
        step={step}
        value={low}
        onInput={(value) => state.setThreshold('low', value)}
      />
      <LesionTable state={state} />
    </Panel>
  );
}

function LesionTable({ state }: { state: ViewerState }): JSX.Element {
  const lesions = state.list.value?.lesions ?? [];
  const shown = lesions.slice(0, LISTED);
  return (
    <div data-testid="lesions" data-count={lesions.length}>
      {lesions.length === 0 ? (
        <p class="muted">No lesion reaches τ.</p>
      ) : (
        <div class="lesion-scroll">
          <table class="lesion-table">
            <thead>
              <tr>
                <th scope="col">Lesion</th>
                <th scope="col">Volume</th>
                <th scope="col">Maximum</th>
                <th scope="col">Decision</th>
              </tr>
            </thead>
            <tbody>
              {shown.map((lesion, place) => (
                <LesionRow key={lesion.number} state={state} lesion={lesion} place={place + 1} />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {lesions.length > shown.length && (
        <p class="muted">and {lesions.length - shown.length} more, lower ones.</p>
      )}
    </div>
  );
}

const DECISIONS = [
  { wanted: 'accepted', verb: 'Accept', sign: '✓' },
  { wanted: 'rejected', verb: 'Reject', sign: '✕' },
] as const satisfies readonly { wanted: Decision; verb: string; sign: string }[];

function LesionRow({
  state,
  lesion,
  place,
}: {
  state: ViewerState;
  lesion: FoundLesion;
  place: number;
}): JSX.Element {
  const chosen = state.lesion.value === lesion.number;
  const { decision } = lesion;
  return (
    <tr
      data-testid={`lesion-${place}`}
      data-number={lesion.number}
      data-decision={decision}
      aria-current={chosen}
    >
      <th scope="row">
        <button
          type="button"
          class="link go"
          onClick={() => state.goTo(lesion)}
          aria-label={`Go to lesion ${place}`}
        >
          {place}
        </button>
      </th>
      <td>{volumeText(lesion.volume)}</td>
      <td>{short(lesion.maximum)}</td>
      <td class="decisions">
        {DECISIONS.map(({ wanted, verb, sign }) => (
          <button
            key={wanted}
            type="button"
            class="small"
            data-testid={chosen ? verb.toLowerCase() : undefined}
            aria-pressed={decision === wanted}
            aria-label={`${verb} lesion ${place}`}
            title={verb}
            onClick={() => state.decide(decision === wanted ? undefined : wanted, lesion.number)}
          >
            {sign}
          </button>
        ))}
      </td>
    </tr>
  );
}
