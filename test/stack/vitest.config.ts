import { defineConfig } from 'vitest/config'
import base from '../../vitest.config.ts'

// `npm run test:stack`: the tests that build an image and run containers. They take minutes, so they are separate.
export default defineConfig({
  test: {
    ...base.test,
    root: new URL('../../', import.meta.url).pathname,
    include: ['test/stack/**/*.test.ts'],
    exclude: [],
    globalSetup: [],
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
})
