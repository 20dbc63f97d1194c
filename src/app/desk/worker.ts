/** The worker that a desk lives in: large answers are handed over instead of copied. */
import { transfer } from 'comlink';
import type { PlaneRequest } from '../protocol.ts';
import { answerFor } from '../remote.ts';
import { Desk } from './desk.ts';

class DeskWorker extends Desk {
  override async plane(request: PlaneRequest) {
    const picture = await super.plane(request);
    const outlines = picture.outlines.map(({ segments }) => segments.buffer as ArrayBuffer);
    return transfer(picture, [picture.pixels.buffer, ...outlines]);
  }

  override async render(side: number) {
    const volume = await super.render(side);
    const arrays = [volume.image, volume.heatmap, volume.lesions].filter((array) => array !== undefined);
    return transfer(
      volume,
      arrays.map(({ buffer }) => buffer as ArrayBuffer),
    );
  }
}

answerFor(new DeskWorker());
