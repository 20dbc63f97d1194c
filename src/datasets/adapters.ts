/** The archives that cohorts are made of, by the name of their command: one line each. */
import type { Adapter } from './adapter.ts';
import { folders } from './folders.ts';
import { nnunet } from './nnunet.ts';

export const adapters: Readonly<Record<string, Adapter>> = {
  nnunet,
  folders,
};
