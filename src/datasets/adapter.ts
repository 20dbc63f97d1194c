/**
 * An adapter turns an archive, as it is downloaded, into the cases of a cohort. It first finds the studies, from names and
 * tables alone, so that whatever is missing is said at once; then it prepares one study after the other, so that several
 * can be prepared at a time and a stopped preparation goes on. Where the folder lies and who writes the files is its
 * caller's business.
 */
import type { Preprocessing } from '../encoders/preprocessing.ts';
import type { Box } from '../volume/crop.ts';
import type { Volume } from '../volume/volume.ts';
import type { Split } from './cohort.ts';

/** What a folder holds. */
export interface Listing {
  /** Names, in the order of their characters' codes. */
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

/** A folder of an archive. Paths go from it, with "/" between names; "" is the folder itself. */
export interface SourceFolder {
  /** For errors: its path. */
  readonly name: string;
  /** @throws TonnoError when there is no such folder. */
  list(path: string): Promise<Listing>;
  /** @throws TonnoError when there is no such file. */
  readBytes(path: string): Promise<Uint8Array>;
  /**
   * A volume in a file of any format, or in a folder of DICOM files.
   * @throws TonnoError and VolumeError: sentences that name the path.
   */
  readVolume(path: string): Promise<Volume>;
}

/** A study of an archive, before anything of it was opened but tables. It must survive JSON. */
export interface Study {
  /** Unique, and fit for a file's name: letters, digits, ".", "_" and "-". */
  readonly name: string;
  /** Whose it is, for the split. */
  readonly patient: string;
  /** Where the archive or the paper decides. */
  readonly split?: Split;
  /** What `prepare` needs to know: paths, labels, boxes. */
  readonly source: unknown;
}

/** A case of the cohort; a study gives one or several. */
export interface PreparedCase {
  /** As a study's; unique in the cohort. */
  readonly name: string;
  /** 0 or 1 for each class of the adapter. */
  readonly labels: readonly number[];
  /** One volume of one channel for each channel of the adapter, on one grid; values as measured, before preprocessing. */
  readonly images: readonly Volume[];
  /** 0 and 1, on the grid of the images. Left out where nothing is known; an empty one counts as none. */
  readonly mask?: Volume;
  readonly box?: Box;
  /** What should be looked at, as sentences. */
  readonly notes?: readonly string[];
}

/** Settings of an adapter as the user gave them, by the long name in `AdapterOption.flags` in camel case. */
export type AdapterSettings = Readonly<Record<string, string | undefined>>;

export interface AdapterOption {
  /** As commander has them: `--positive <folders>`. */
  readonly flags: string;
  readonly description: string;
  /** Whether nothing can be done without it. */
  readonly required?: boolean;
}

/** What is known of all studies before any is opened. */
export interface FoundStudies {
  readonly studies: readonly Study[];
  /** Names of the labels; ["label"] where there is one finding. */
  readonly classes: readonly string[];
  /** Names of the channels, for the files and the records. */
  readonly channels: readonly string[];
  /** What was passed over and why, as sentences. */
  readonly notes: readonly string[];
}

export interface Adapter {
  /** In a line, for the help. */
  readonly summary: string;
  /** What is taken from where, and what is done to it: for the help and the record. */
  readonly description: string;
  readonly options: readonly AdapterOption[];
  /** Of patients with and without the finding, how many of all go to validation unless somebody says otherwise. */
  readonly validation: { readonly positive: number; readonly negative: number };
  /** What is done to the values of prepared volumes before an encoder sees them. */
  readonly preprocessing: Partial<Preprocessing>;
  /** @throws TonnoError when the folder is not laid out as the archive is, or a setting is no use. */
  find(folder: SourceFolder, settings: AdapterSettings): Promise<FoundStudies>;
  /** @throws TonnoError when something in the study cannot be used. */
  prepare(
    study: Study,
    folder: SourceFolder,
    settings: AdapterSettings,
    signal?: AbortSignal,
  ): Promise<readonly PreparedCase[]>;
}
