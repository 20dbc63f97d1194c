/** As much of dcmjs as is called here: it comes without types. */
declare module 'dcmjs' {
  interface Dcmjs {
    readonly data: {
      readonly DicomMessage: { readFile(bytes: ArrayBuffer): { readonly dict: object } };
      readonly DicomMetaDictionary: { naturalizeDataset(dict: object): unknown };
    };
  }
  const dcmjs: Dcmjs;
  export default dcmjs;
}
