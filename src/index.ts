/**
 * What runs anywhere: volumes, slices, responses, reconstruction, pictures. The entry for Node (node.ts) and the one
 * for the browser (web.ts) add sessions to it and nothing else.
 *
 * ```ts
 * import { decodeVolume, fibonacciDirections, logitResponse, openSession, parseFilter, prepareVolume,
 *   readEncoder, reconstruct } from 'tonno';
 *
 * const { volume } = await decodeVolume(bytes, 'scan.nii.gz');
 * const encoder = await readEncoder(modelBytes, 'encoder.onnx');
 * const session = await openSession(encoder.model, { device: 'cpu' });
 * const prepared = prepareVolume(volume, encoder.preprocessing, encoder);
 * const response = logitResponse(encoder, session, prepared, { classes: [0] });
 * const directions = fibonacciDirections(300, { slices: 32 });
 * const { data } = await reconstruct(prepared.volume, response, directions, parseFilter('gaussian:0.06'));
 * ```
 */
export type {
  Adapter,
  AdapterOption,
  AdapterSettings,
  FoundStudies,
  Listing,
  PreparedCase,
  SourceFolder,
  Study,
} from './datasets/adapter.ts';
export { adapters } from './datasets/adapters.ts';
export { battery, checkCohort, checkTable, checkVolumes } from './datasets/checks/battery.ts';
export type { Check, Finding, Level } from './datasets/checks/check.ts';
export { type CohortFacts, type FileFacts, measureVolume } from './datasets/checks/facts.ts';
export {
  type Cohort,
  type CohortCase,
  parseCohort,
  requireBothClasses,
  type Split,
  writeCohort,
} from './datasets/cohort.ts';
export {
  type GaussianBlob,
  type LesionPhantom,
  type LesionPhantomOptions,
  lesionPhantom,
  type PhantomLesion,
  smoothBlobs,
  smoothPhantom,
} from './datasets/phantom.ts';
export {
  type PhantomCase,
  type PhantomCohortCase,
  type PhantomCohortOptions,
  type PhantomCohortSettings,
  phantomCases,
  phantomCohort,
  phantomCohortSettings,
} from './datasets/phantom-cohort.ts';
export { type DrawnSplit, drawSplit, listedSplit, parseSplitList, type SplitList } from './datasets/split.ts';
export { resolveClass } from './encoders/classes.ts';
export { type Encoder, type EncoderOptions, readEncoder } from './encoders/external.ts';
export { encoderLayers, type LayeredEncoder, numberedLayers, resolveLayer } from './encoders/layers.ts';
export { type EncoderMetadata, readMetadata, withMetadata } from './encoders/metadata.ts';
export {
  type Crop,
  defaultPreprocessing,
  type PreparedVolume,
  type Preprocessing,
  prepareVolume,
} from './encoders/preprocessing.ts';
export {
  type ArchitectureName,
  buildResNet,
  type NormName,
  type ResNetOptions,
  resnetWeights,
  type WeightRole,
  type WeightSpec,
} from './encoders/resnet.ts';
export {
  initialWeights,
  type PretrainedFile,
  type PretrainedName,
  type PretrainedReport,
  pretrainedFiles,
  pretrainedUrl,
  pretrainedWeights,
  type RoleCounts,
} from './encoders/weights.ts';
export { DeviceError, EncoderError, TonnoError, UsageError, VolumeError } from './errors.ts';
export { type Agreement, agreementInBall } from './evaluation/agreement.ts';
export { averagePrecision } from './evaluation/average-precision.ts';
export { hysteresis, type Segmentation, type Thresholds } from './evaluation/binarisation.ts';
export { boxIou } from './evaluation/boxes.ts';
export { balancedAccuracy, type Rates, ratesAt, rocAuc } from './evaluation/classification.ts';
export { type Components, type Connectivity, connectedComponents } from './evaluation/components.ts';
export {
  type CaseData,
  type CaseResult,
  defaultProtocol,
  type Evaluation,
  type EvaluationCase,
  type Fold,
  type FrocCurve,
  type Metric,
  type MetricName,
  type Metrics,
  metrics,
  type ProtocolSettings,
  type Summary,
} from './evaluation/evaluation.ts';
export { dropSmall, type Lesion, lesions } from './evaluation/lesions.ts';
export { type BestDice, bestDice, dice, iou } from './evaluation/overlap.ts';
export { type Peak, peaks } from './evaluation/peaks.ts';
export {
  type EvaluateOptions,
  type EvaluationProgress,
  evaluate,
  thresholdsOf,
} from './evaluation/protocol.ts';
export type { ByteSource } from './formats/bytes.ts';
export type { DecodedVolume, VolumeHeader, VoxelLimits, VoxelOptions } from './formats/decoding.ts';
export { decodeFrame, type Frame as DicomFrame, frameCount } from './formats/dicom/frames.ts';
export { type Dataset, type DicomObject, looksLikeDicom, readDicom } from './formats/dicom/object.ts';
export {
  type Contour,
  type ContourMask,
  type ContourMaskOptions,
  type ContourStructure,
  contourMask,
  type RegionOfInterest,
  readContours,
} from './formats/dicom/rtstruct.ts';
export {
  type Code,
  type DecodedSegmentation,
  decodeSegmentation,
  encodeSegmentation,
  type Segment,
  type SegmentationDecodeOptions,
  type SegmentationKind,
  type SegmentationOptions,
} from './formats/dicom/segmentation.ts';
export {
  chooseSeries,
  type DecodedDicom,
  type DicomDecodeOptions,
  type DicomSeries,
  decodeSeries,
  groupSeries,
  type PassedOver,
  type SourceSlice,
} from './formats/dicom/series.ts';
export type { VoxelEncodeOptions, WrittenType } from './formats/encoding.ts';
export { decodeMetaImage, encodeMetaImage, readMetaImageHeader } from './formats/metaimage.ts';
export {
  type DecodedNifti,
  decodeNifti,
  encodeNifti,
  type NiftiDecodeOptions,
  type NiftiEncodeOptions,
  type NiftiInfo,
  niftiProblems,
  readNiftiHeader,
} from './formats/nifti.ts';
export { decodeNpy, decodeNpyVolume, encodeNpyHeader, type NpyArray } from './formats/npy.ts';
export { decodeNrrd, encodeNrrd, readNrrdHeader } from './formats/nrrd.ts';
export {
  floats,
  readSafetensors,
  type SafeDtype,
  type SafeTensor,
  type Safetensors,
  type WritableTensor,
  writeSafetensors,
} from './formats/safetensors.ts';
export {
  decodeTable,
  namedRows,
  type Table as Spreadsheet,
  type TableOptions,
} from './formats/spreadsheet.ts';
export {
  decodeVolume,
  readVolumeGrid,
  recogniseFormat,
  type VolumeFileOptions,
  type VolumeFormat,
} from './formats/volume-file.ts';
export {
  axisDirections,
  type Direction,
  type Frame,
  fibonacciDirections,
  fibonacciLattice,
  frame,
  moreDirections,
  spreadOrder,
} from './geometry/directions.ts';
export { cubeLayout, forSlicing, type Layout, rowLayout, type Samplable } from './geometry/layout.ts';
export { type Random, randomStreams } from './geometry/random.ts';
export { type Plane, type SliceSize, sampleSlice } from './geometry/sampler.ts';
export { Stack, sliceArea } from './geometry/stack.ts';
export { GraphBuilder } from './onnx/builder.ts';
export {
  type Differentiated,
  differentiate,
  type GradientOptions,
  gradients,
} from './onnx/gradients/gradients.ts';
export { type SpatialLayer, type SpatialLayersOptions, spatialLayers } from './onnx/layers.ts';
export { type Model, parseModel, serialiseModel } from './onnx/model.ts';
export { exposeTensor } from './onnx/rewrite.ts';
export type { SpatialLayout } from './onnx/spatial.ts';
export { backproject, layOut, type Projection } from './reconstruction/backprojection.ts';
export {
  BACKPROJECTION_MODULE,
  Backprojector,
  type BackprojectorOptions,
} from './reconstruction/backprojector.ts';
export {
  type EncoderFile,
  type Engine,
  type EngineOptions,
  openEngine,
  type Platform,
  type WantedHeatmap,
} from './reconstruction/engine.ts';
export { type Filter, filters, parseFilter } from './reconstruction/filter.ts';
export { type LeastSquaresOptions, leastSquares, type MapStack } from './reconstruction/least-squares.ts';
export {
  type Method,
  type MethodChoice,
  type MethodName,
  methods,
  type Plan,
  type Preset,
  type PresetName,
  passDirections,
  planDirections,
  planMethod,
  planMethods,
  planTarget,
  presets,
  sharedPasses,
} from './reconstruction/methods.ts';
export { type Projector, type ProjectorGeometry, projector } from './reconstruction/projector.ts';
export {
  type AddOptions,
  measure,
  type OpenReconstruction,
  openReconstruction,
  type Progress,
  type ProjectOptions,
  project,
  type Reconstruction,
  type Reconstructions,
  type ReconstructOptions,
  reconstruct,
  reconstructAll,
} from './reconstruction/reconstruct.ts';
export { heatmapRecord, heatmapVolume, type MadeHeatmap } from './reconstruction/record.ts';
export type {
  Heatmap,
  LeastSquaresTarget,
  Measurement,
  SumTarget,
  Target,
} from './reconstruction/targets.ts';
export { type AxesMark, type HeatmapKind, heatmapTitle } from './reconstruction/titles.ts';
export { type CaseInput, type CaseMethod, renderCase, widestPlanes } from './report/case.ts';
export { type MontageInput, peakOf, renderMontage } from './report/montage.ts';
export { renderReport } from './report/report.ts';
export { renderSheet, type SheetCell, type SheetInput, type SheetRow } from './report/sheet.ts';
export type {
  AxisLogits,
  CohortSummary,
  Picture,
  SliceLogits,
  StudyEncoder,
  StudyReport,
  StudyResult,
  TrainingPoint,
} from './report/study.ts';
export { tableCsv } from './report/table-csv.ts';
export { tableLatex } from './report/table-latex.ts';
export {
  type MetricCell,
  studyTables,
  type Table,
  type TableCell,
  type TableColumn,
} from './report/tables.ts';
export { type CamName, cams, isGradientCam } from './responses/cam/cams.ts';
export type { GradientCamName } from './responses/cam/formulas.ts';
export type { CamLayer } from './responses/cam/layer.ts';
export { type CamNetwork, type CamRequest, camNetwork } from './responses/cam/network.ts';
export {
  type ScoreCamCost,
  type ScoreCamOptions,
  scoreCamModel,
  scoreCamResponse,
} from './responses/cam/score-cam.ts';
export {
  type Answer,
  type Batch,
  encoderResponse,
  type RunOptions,
  type SliceEncoder,
} from './responses/encoder.ts';
export { joinResponses } from './responses/joined.ts';
export { type LogitOptions, logitAnswer, logitResponse } from './responses/logit.ts';
export { meanResponse, pooledResponse } from './responses/pooled.ts';
export type { Maps, Response } from './responses/response.ts';
export type { Crew, Reply } from './runtime/crew.ts';
export {
  type Device,
  devices,
  type Session,
  type SessionOptions,
  type Tensor,
  type TensorData,
} from './runtime/session.ts';
export {
  type AdamSettings,
  type AdamState,
  adamStep,
  createAdam,
  paperAdam,
  placeTogether,
} from './training/adam.ts';
export type { TrainingCase } from './training/cases.ts';
export {
  type Augmentation,
  BalancedCases,
  type DrawnSlice,
  type DrawnVolume,
  type DrawSettings,
  drawStep,
  paperAugmentation,
} from './training/draw.ts';
export { GradientEngine, type MicroBatch, type StepGradient, weightTensors } from './training/engine.ts';
export {
  evaluationGraph,
  LABELS_INPUT,
  type NetworkToTrain,
  SLICE_WEIGHTS_INPUT,
  type TrainingGraph,
  trainingGraph,
} from './training/graph.ts';
export { binaryCrossEntropy, meanLoss } from './training/loss.ts';
export {
  exportEncoder,
  type TrainableEncoder,
  trainableEncoder,
  trainableResNet,
} from './training/network.ts';
export { findParameters, type Parameter, parameterValues } from './training/parameters.ts';
export { learningRate, type Schedule } from './training/schedule.ts';
export { decodeState, encodeState, type TrainingState } from './training/state.ts';
export {
  type TrainingInput,
  type TrainingOutcome,
  type TrainingProgress,
  type TrainingSettings,
  type TrainingStore,
  train,
} from './training/trainer.ts';
export { VERSION } from './version.ts';
export { type Box, boundingBox, cropVolume, uncropVolume } from './volume/crop.ts';
export { closeBall, openBall } from './volume/morphology.ts';
export { reorientVolume } from './volume/reorient.ts';
export { type ResampleOptions, resampleVolume } from './volume/resample.ts';
export { channelStatistics, type Statistics } from './volume/statistics.ts';
export {
  axisCodes,
  createVolume,
  type Geometry,
  type NiftiPlacement,
  type Shape,
  spacing,
  type Vector,
  type Volume,
  voxelCount,
} from './volume/volume.ts';
