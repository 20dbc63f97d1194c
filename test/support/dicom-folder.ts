/** An archive in memory whose folders of DICOM files are read as volumes, as the command line does it. */
import type { SourceFolder } from '../../src/datasets/adapter.ts';
import { readDicom } from '../../src/formats/dicom/object.ts';
import { chooseSeries, decodeSeries, groupSeries } from '../../src/formats/dicom/series.ts';
import { memoryFolder } from './memory-folder.ts';

export function dicomFolder(files: Readonly<Record<string, Uint8Array>>, name = 'archive'): SourceFolder {
  const plain = memoryFolder(files, name);
  return {
    ...plain,
    async readVolume(path) {
      const full = `${name}/${path}`;
      const objects = await Promise.all(
        (await plain.list(path)).files.map(async (file) =>
          readDicom(await plain.readBytes(`${path}/${file}`), `${full}/${file}`),
        ),
      );
      const { volume } = await decodeSeries(chooseSeries(groupSeries(objects).series, full));
      return { ...volume, name: full };
    },
  };
}
