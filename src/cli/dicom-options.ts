/** Options about DICOM input, the same for every command that takes volumes from outside. */
import type { Command } from 'commander';

export interface DicomOptions {
  /** UID, number, or a text in the description. */
  series?: string;
  /** True unless --no-suv is given. */
  suv: boolean;
}

export function addDicomOptions(command: Command): Command {
  return command
    .option('--series <id>', 'of a DICOM folder with several: UID, number or part of the description')
    .option('--no-suv', 'leave DICOM PET in its stored units, as no SUV');
}
