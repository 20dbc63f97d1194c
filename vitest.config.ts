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
      // The command line and the workers run as processes of their own from dist/, and what draws in a browser runs there:
      // coverage sees neither.
      exclude: [
        'src/cli/**',
        'src/app/**/*worker.ts',
        'src/runtime/*worker.ts',
        'src/app/render/{scene,easel,turning}.ts',
        'src/app/browse/{growing,table-state}.ts',
        'src/app/viewer/picture.ts',
      ],
      reporter: ['text-summary', 'html'],
      thresholds: { lines: 90, branches: 80 },
    },
  },
});
