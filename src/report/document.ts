/**
 * The document that charts are drawn in. A browser has one; elsewhere linkedom gives one that makes elements and writes
 * them out, which is all that a chart asks of it.
 */
import { parseHTML } from 'linkedom/worker';

let own: Document | undefined;

/** The page's document in a browser, else one that is made on the first call. */
export function chartDocument(): Document {
  if (typeof document !== 'undefined') return document;
  own ??= parseHTML('<!doctype html><html><head></head><body></body></html>').document;
  return own;
}
