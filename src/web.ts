/** `tonno` in the browser: everything that runs anywhere, and sessions on onnxruntime-web. */
export * from './index.ts';
export { availableDevices, openSession, type WebSessionOptions } from './runtime/web.ts';
