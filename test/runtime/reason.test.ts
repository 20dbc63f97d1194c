/** What ONNX Runtime 1.30 really said, and what is told of it. */
import { expect, it } from 'vitest';
import { reason } from '../../src/runtime/reason.ts';
import { sentence } from './support.ts';

it.each([
  [
    '/onnxruntime_src/onnxruntime/core/providers/webgpu/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> adapter_result.status == wgpu::RequestAdapterStatus::Success was false. Failed to get a WebGPU adapter: No supported adapters\n',
    'Failed to get a WebGPU adapter: No supported adapters.',
  ],
  [
    'OrtSessionOptionsAppendExecutionProvider_Cuda: Failed to load shared library',
    'Failed to load shared library.',
  ],
  [
    'no available backend found. ERR: [webgpu] Error: WebGPU is not supported in current environment',
    'WebGPU is not supported in current environment.',
  ],
  [
    "Can't create a session. ERROR_CODE: 1, ERROR_MESSAGE: /mnt/azure_nvme_temp/_work/1/s/onnxruntime/core/graph/model_load_utils.h:56 void onnxruntime::model_load_utils::ValidateOpsetForDomain(const std::unordered_map<std::string, int> &, const logging::Logger &, bool, const std::string &, int) ONNX Runtime only *guarantees* support for models stamped with official released onnx opset versions.\n",
    'ONNX Runtime only *guarantees* support for models stamped with official released onnx opset versions.',
  ],
  [
    "Non-zero status code returned while running Add node. Name:'Add of y' Status Message: /onnxruntime_src/onnxruntime/core/providers/cpu/math/element_wise_ops.h:583 void onnxruntime::BroadcastIterator::Append(ptrdiff_t, ptrdiff_t) axis == 1 || axis == largest was false. Attempting to broadcast an axis by a dimension other than 1. 2 by 3",
    'in its node Add of y (Add): Attempting to broadcast an axis by a dimension other than 1. 2 by 3.',
  ],
  [
    "Non-zero status code returned while running MaxPool node. Name:'pool' Status Message: pool.cc:276 ComputeInternal The Indices output is not supported yet.",
    'in its node pool (MaxPool): The Indices output is not supported yet.',
  ],
  [
    'failed to call OrtRun(). ERROR_CODE: 2, ERROR_MESSAGE: Got invalid dimensions for input: a for the following indices\n index: 1 Got: 5 Expected: 4\n Please fix either the inputs/outputs or the model.',
    'Got invalid dimensions for input: a for the following indices index: 1 Got: 5 Expected: 4.',
  ],
  ["previous call to 'initWasm()' failed.", "previous call to 'initWasm()' failed."],
])('%s', (said, told) => {
  expect(reason(new Error(said))).toBe(told);
  expect(reason(said)).toBe(told);
  expect(reason(told)).toBe(told);
  expect(told).toMatch(sentence);
});
