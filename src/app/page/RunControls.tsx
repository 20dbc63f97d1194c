/** Reconstruct, stop, go on; and how far it is. */
import { useSignal } from '@preact/signals';
import type { JSX } from 'preact';
import { methods } from '../../reconstruction/methods.ts';
import { NumberField } from './controls.tsx';
import type { Ended, Run } from './run.ts';
import { obstacle } from './settings.ts';
import type { Store } from './store.ts';
import { count, counted, duration, rate } from './words.ts';

export function RunControls({ store }: { store: Store }): JSX.Element {
  const { runs, encoder, choices, opened } = store;
  const run = runs.run.value;
  const ended = runs.ended.value;
  const info = encoder.info.value;
  const ready =
    info !== undefined && encoder.opening.value === undefined && obstacle(choices.value, info) === undefined;
  return (
    <div class="run">
      <div class="row">
        <button
          type="button"
          class="primary"
          data-testid="reconstruct"
          disabled={!ready || !opened.info.value}
          onClick={() => void runs.start()}
        >
          {run ? 'Start anew' : 'Reconstruct'}
        </button>
        {run && (
          <button type="button" data-testid="stop" disabled={run.stopping} onClick={() => void runs.stop()}>
            {run.stopping ? 'Stopping …' : 'Stop'}
          </button>
        )}
      </div>
      {!info && <p class="hint">Give an encoder first.</p>}
      {run ? <Progress run={run} /> : ended && <Outcome ended={ended} />}
      {!run && ended && methods[ended.settings.method].directions === 'fibonacci' && (
        <More store={store} ended={ended} />
      )}
      {info && !run && (
        <button
          type="button"
          data-testid="make-profiles"
          disabled={runs.profiling.value}
          onClick={() => void runs.profiles()}
        >
          {runs.profiling.value ? 'Making logit profiles …' : 'Logit profiles'}
        </button>
      )}
    </div>
  );
}

function Progress({ run }: { run: Run }): JSX.Element {
  const { progress } = run;
  return (
    <div class="progress" data-testid="progress">
      <progress aria-label="Angles done" {...(progress && { value: progress.done, max: progress.total })} />
      {progress ? (
        <p>
          {count(progress.done)} of {counted(progress.total, 'angle')}, {rate(progress.slicesPerSecond)}{' '}
          slices/s
          {progress.done < progress.total && Number.isFinite(progress.left) && (
            <>, {duration(progress.left)} left</>
          )}
        </p>
      ) : (
        <p>Getting ready …</p>
      )}
    </div>
  );
}

function Outcome({ ended }: { ended: Ended }): JSX.Element {
  const { done, total, seconds } = ended;
  return (
    <p class="progress" data-testid="progress">
      {done < total
        ? `Stopped after ${count(done)} of ${counted(total, 'angle')}.`
        : `${counted(done, 'angle')} done in ${duration(seconds)}.`}
    </p>
  );
}

/** Angles that are added at once when nothing is said. */
const STEP = 50;

function More({ store, ended }: { store: Store; ended: Ended }): JSX.Element {
  const directions = useSignal<number | undefined>(undefined);
  const left = ended.total - ended.done;
  const usual = left > 0 ? 0 : STEP;
  return (
    <div class="more">
      <NumberField
        label={left > 0 ? `Angles besides the ${left} left` : 'More angles'}
        testid="more-directions"
        value={directions.value}
        placeholder={String(usual)}
        min={left > 0 ? 0 : 2}
        max={20_000}
        onChange={(value) => {
          directions.value = value;
        }}
      />
      <button
        type="button"
        data-testid="more"
        onClick={() => void store.runs.more(directions.value ?? usual)}
      >
        {left > 0 ? 'Go on' : 'Add angles'}
      </button>
    </div>
  );
}
