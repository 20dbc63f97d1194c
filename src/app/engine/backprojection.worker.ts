/** A thread that sums maps: planes of the grid are its own, see reconstruction/slabs.ts. */
import { handle } from '../../reconstruction/backprojection-worker.ts';
import { type Port, serveCrew } from '../../runtime/web-crew-worker.ts';

serveCrew(handle, globalThis as unknown as Port);
