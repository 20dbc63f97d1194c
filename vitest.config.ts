import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    // Vitest leaves a core free unless it is told otherwise: of two, half of them.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      // The command line and the workers run as processes of their own from dist/, where coverage does not see them.
      exclude: ['src/cli/**', 'src/runtime/node-worker.ts', 'src/runtime/node-crew-worker.ts'],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 90, branches: 80 },
    },
  },
});
