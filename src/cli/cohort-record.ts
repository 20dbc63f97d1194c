/** cohort.json, which stands beside the table of a cohort that `tonno prepare` made: what is known of it but its cases. */
import { dirname, join } from 'node:path';
import { preprocessingFault } from '../encoders/metadata.ts';
import type { Preprocessing } from '../encoders/preprocessing.ts';
import { TonnoError } from '../errors.ts';
import { exists, readRecord } from './files.ts';

export const COHORT_RECORD = 'cohort.json';

/** What others than its writer look at. */
export interface CohortRecord {
  /** What is done to the values of its volumes before an encoder sees them. */
  readonly preprocessing?: Partial<Preprocessing>;
  /** How patients went into the splits. */
  readonly split?: unknown;
  /** The table as it was written. */
  readonly table?: { readonly sha256: string };
}

/**
 * What the record beside a table says of its values; nothing where there is no record, or where it says nothing of them.
 * @throws TonnoError when it says it wrongly.
 */
export async function cohortPreprocessing(table: string): Promise<Partial<Preprocessing>> {
  const path = join(dirname(table), COHORT_RECORD);
  if (!(await exists(path))) return {};
  const remedy = 'Correct it, or remove it and give the scaling as options.';
  const record = (await readRecord(path, 'It is not JSON.', { remedy })) as CohortRecord | null;
  if (typeof record !== 'object' || record?.preprocessing === undefined) return {};
  const fault = preprocessingFault(record.preprocessing);
  if (fault) throw new TonnoError(path, `What it says under "preprocessing" ${fault}.`, { remedy });
  return record.preprocessing;
}

/** The same in words: "normalise none, scale 0.001 and 0.1, outside 0, crop to channel 1 above 0.2". */
export function preprocessingText({ crop, ...values }: Partial<Preprocessing>): string {
  const said = Object.entries(values).map(
    ([key, value]) => `${key} ${Array.isArray(value) ? value.join(' and ') : value}`,
  );
  // What float32 makes of 0.2 is no number to be read.
  const above = crop && Number(crop.above.toPrecision(7));
  return [...said, ...(crop ? [`crop to channel ${crop.channel} above ${above}`] : [])].join(', ');
}
