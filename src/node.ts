/** `tonno` in Node: everything that runs anywhere, and sessions on onnxruntime-node. */
export * from './index.ts';
export { availableDevices, openSession } from './runtime/node.ts';
export { openCrew } from './runtime/node-crew.ts';
