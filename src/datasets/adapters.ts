/** The archives that cohorts are made of, by the name of their command: one line each. */
import type { Adapter } from './adapter.ts';
import { autopet } from './autopet.ts';
import { bids } from './bids.ts';
import { duke } from './duke.ts';
import { folders } from './folders.ts';
import { mosmed } from './mosmed.ts';
import { nnunet } from './nnunet.ts';
import { sequences } from './sequences.ts';

export const adapters: Readonly<Record<string, Adapter>> = {
  autopet,
  mosmed,
  duke,
  sequences,
  nnunet,
  bids,
  folders,
};
