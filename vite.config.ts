/**
 * The browser application: src/app to a folder of static files, dist/app. The engine's WebAssembly is copied beside it as
 * it is, since ONNX Runtime fetches it when the first encoder is opened and starts its threads from it.
 */
import { copyFileSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defaultClientConditions, defineConfig, type Plugin } from 'vite';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const OUT = here('dist/app');

/** Files that the page fetches when it wants them, by the names it knows. */
const FETCHED = {
  'ort/ort-wasm-simd-threaded.asyncify.mjs': 'node_modules/onnxruntime-web/dist/',
  'ort/ort-wasm-simd-threaded.asyncify.wasm': 'node_modules/onnxruntime-web/dist/',
  'examples/phantom-encoder.onnx': 'assets/',
};

function copyFetched(): Plugin {
  return {
    name: 'copy-fetched',
    apply: 'build',
    closeBundle() {
      for (const [target, folder] of Object.entries(FETCHED)) {
        const [directory, name] = target.split('/');
        mkdirSync(`${OUT}/${directory}`, { recursive: true });
        copyFileSync(here(folder + name), `${OUT}/${target}`);
      }
    },
  };
}

export default defineConfig({
  root: here('src/app'),
  // Relative, so that the folder works wherever it is put.
  base: './',
  publicDir: false,
  plugins: [copyFetched()],
  resolve: {
    // The JPEG 2000 codec asks for these where it runs in Node, and for neither elsewhere.
    alias: { fs: here('src/app/nothing.ts'), path: here('src/app/nothing.ts') },
    // The engine's WebAssembly stays a file of its own instead of being put into a chunk.
    conditions: ['onnxruntime-web-use-extern-wasm', ...defaultClientConditions],
  },
  worker: { format: 'es' },
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: 'es2023',
    // No inline data: a page's policy need not allow it, and files are cached.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 4000,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
});
