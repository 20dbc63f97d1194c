/**
 * NIfTI files (.nii, .nii.gz): the header alone with what is wrong with it, the volume, and back.
 *
 * @example
 * const { volume } = await decodeNifti(file.stream(), file.name);
 * const bytes = await encodeNifti(volume, { datatype: 'float32', gzip: true });
 */

export { type NiftiLimits, type NiftiProblem, niftiProblems } from './nifti/checks.ts';
export { type DecodedNifti, decodeNifti, type NiftiDecodeOptions } from './nifti/decode.ts';
export { encodeNifti, type NiftiEncodeOptions, niftiPieces } from './nifti/encode.ts';
export { type NiftiInfo, readNiftiHeader } from './nifti/header.ts';
