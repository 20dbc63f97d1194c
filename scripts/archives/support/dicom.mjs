/** Small DICOM series of MR, written by dcmjs, which the package does not read with. */
import dcmjs from 'dcmjs';

const MR = '1.2.840.10008.5.1.4.1.1.4';
const EXPLICIT_LITTLE = '1.2.840.10008.1.2.1';

/**
 * Bytes of a series, one file a slice, in the order of the instance numbers.
 * @param series patient, study, uid, number, description; rows, columns; orientation: six cosines; positions of the slices' first pixels;
 *   spacing between rows and between columns; value(slice from 1, row from 1, column from 1): unsigned 16 bits.
 */
export function dicomSeries(series) {
  return series.positions.map((position, i) => slice(series, position, i + 1));
}

function slice(series, position, number) {
  const { patient, study, uid, description, rows, columns, orientation, spacing, value } = series;
  const pixels = new Uint16Array(rows * columns);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) pixels[r * columns + c] = value(number, r + 1, c + 1);
  }
  const text = (vr, ...values) => ({ vr, Value: values.map(String) });
  const whole = (...values) => ({ vr: 'US', Value: values });
  const instance = `${uid}.${number}`;
  const file = new dcmjs.data.DicomDict({
    '00020001': { vr: 'OB', Value: [new Uint8Array([0, 1]).buffer] },
    '00020002': text('UI', MR),
    '00020003': text('UI', instance),
    '00020010': text('UI', EXPLICIT_LITTLE),
  });
  file.dict = {
    '00080016': text('UI', MR),
    '00080018': text('UI', instance),
    '00080020': text('DA', '19900101'),
    '00080060': text('CS', 'MR'),
    '0008103E': text('LO', description),
    '00100010': text('PN', patient),
    '00100020': text('LO', patient),
    '0020000D': text('UI', study),
    '0020000E': text('UI', uid),
    '00200011': text('IS', series.number),
    '00200013': text('IS', number),
    '00200032': text('DS', ...position),
    '00200037': text('DS', ...orientation),
    '00200052': text('UI', `${study}.9`),
    '00280002': whole(1),
    '00280004': text('CS', 'MONOCHROME2'),
    '00280010': whole(rows),
    '00280011': whole(columns),
    '00280030': text('DS', ...spacing),
    '00280100': whole(16),
    '00280101': whole(16),
    '00280102': whole(15),
    '00280103': whole(0),
    '7FE00010': { vr: 'OW', Value: [pixels.buffer] },
  };
  return new Uint8Array(file.write());
}
