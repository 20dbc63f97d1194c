/** `tonno` in Node: everything that runs anywhere, sessions on onnxruntime-node, and crews of threads. */
export * from './index.ts';
export { availableDevices, openSession } from './runtime/node.ts';
export { openCrew } from './runtime/node-crew.ts';
