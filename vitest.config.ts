import { defineConfig } from 'vitest/config'

/** Where `.ci/run` wants the results as JSON. */
const results = process.env['TEST_RESULTS']

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Networks are run, and processes started, on machines that may be busy.
    testTimeout: 120_000,
    hookTimeout: 120_000,
    ...(results === undefined
      ? {}
      : { reporters: ['default', ['json', { outputFile: results }]] as ['default', ['json', { outputFile: string }]] }),
  },
})
