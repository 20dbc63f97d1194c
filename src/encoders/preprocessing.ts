/**
 * What is done to a volume's values before an encoder sees them:
 *
 *     pixel = (normalised · scale − mean) / std
 *
 * `normalise` looks at a whole volume and a whole channel; `scale` belongs to the volume's channels, `mean` and
 * `std` to the encoder's.
 */
export interface Preprocessing {
  /** Per channel over the whole volume: nothing; zero mean and unit deviation; minimum and maximum to 0 and 1. */
  readonly normalise: 'none' | 'zscore' | 'range';
  /** One factor for all channels of the volume or one for each. */
  readonly scale: readonly number[];
  /** One value for all channels of the encoder or one for each. */
  readonly mean: readonly number[];
  /** As `mean`. */
  readonly std: readonly number[];
  /**
   * What lies outside the volume, in normalised units before scaling. The paper's slices are 0 there; after
   * z-normalisation that is the mean, so `minimum` (each channel's smallest value) is often the better background.
   */
  readonly outside: number | 'minimum';
}

/** Values go in as they are, zero outside: the paper's Eq. 4. */
export const defaultPreprocessing: Preprocessing = {
  normalise: 'none',
  scale: [1],
  mean: [0],
  std: [1],
  outside: 0,
};
