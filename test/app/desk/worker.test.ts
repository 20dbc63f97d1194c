import { type Remote, wrap } from 'comlink';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { DeskApi } from '../../../src/app/protocol.ts';
import { bytesSource } from '../../support/app-sources.ts';

/** The worker's end of a channel in the place of the worker's global scope. */
describe('the desk’s worker', () => {
  const { port1, port2 } = new MessageChannel();
  let desk: Remote<DeskApi>;

  beforeAll(async () => {
    vi.stubGlobal('addEventListener', port1.addEventListener.bind(port1));
    vi.stubGlobal('postMessage', port1.postMessage.bind(port1));
    await import('../../../src/app/desk/worker.ts');
    vi.unstubAllGlobals();
    vi.stubGlobal('postMessage', port1.postMessage.bind(port1));
    port1.start();
    desk = wrap<DeskApi>(port2 as unknown as Worker);
  });
  afterAll(() => {
    vi.unstubAllGlobals();
    port1.close();
    port2.close();
  });

  it('hands over planes, renders and files, and says what is wrong in sentences', async () => {
    const info = await desk.phantom();
    const data = (await desk.volume()).data.slice();
    await desk.putHeatmap({ id: 'a', title: 'A', data, record: {} });
    const request = { axis: 0, index: 30, channel: 0, window: [0, 2], range: 1, opacity: 0.5 } as const;
    const picture = await desk.plane({ ...request, mask: true, truth: true });
    expect(picture.pixels).toHaveLength(4 * 64 * 64);
    expect(picture.outlines.length).toBeGreaterThan(0);
    expect((await desk.render(32)).image).toHaveLength(32 ** 3);
    const files = await desk.save('mask');
    expect(files.map(({ content }) => content.size > 0)).toEqual(files.map(() => true));
    // What was handed over was no part of the case.
    expect((await desk.plane({ ...request, mask: true, truth: true })).pixels).toEqual(picture.pixels);
    expect(info.windows[0].high).toBeGreaterThan(info.windows[0].low);
    await expect(desk.open([bytesSource('x.nii', 'words')])).rejects.toMatchObject({
      failure: { subject: 'x.nii', fault: false },
    });
  });
});
