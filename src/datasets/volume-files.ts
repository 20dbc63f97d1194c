/** Files of volumes by their names: what a name is without the ending that says the format. */

const ENDINGS = /\.(nii(\.gz)?|nrrd|nhdr|mha|mhd|npy|dcm)$/i;

/** The name without the ending; undefined of what is no volume, and of hidden files. */
export function volumeStem(file: string): string | undefined {
  return ENDINGS.test(file) && !file.startsWith('.') ? file.replace(ENDINGS, '') : undefined;
}
