/** What a person meets who opens the page by itself: what it is, and the ways in. */
import type { JSX } from 'preact';
import { EncoderSection } from './EncoderSection.tsx';
import { KeptNotice } from './KeptHeatmap.tsx';
import { OpenVolume } from './OpenVolume.tsx';
import type { Store } from './store.ts';

export function StartDoor({ store }: { store: Store }): JSX.Element {
  return (
    <div class="door">
      <p class="lead">
        See where in a 3D scan a 2D network finds what it was trained to find. Everything is computed in this
        browser: nothing leaves this machine.
      </p>
      <section class="card drop" aria-labelledby="door-volume">
        <h2 id="door-volume">A volume</h2>
        <p>
          Drop a NIfTI, NRRD or MetaImage file or a folder with a DICOM series anywhere on this page, or
          choose it here.
        </p>
        <OpenVolume store={store} />
        <KeptNotice store={store} />
      </section>
      <section class="card" aria-labelledby="door-encoder">
        <h2 id="door-encoder">An encoder</h2>
        <p>
          A 2D network as an .onnx file, which gives a slice a number. It can be dropped too, now or later.
        </p>
        <EncoderSection store={store} />
      </section>
    </div>
  );
}
