import { defineConfig } from 'vitest/config'

// `npm run test:stack`: the tests that build an image and run containers. They take minutes, so they are no project of the suite.
const root = new URL('../../', import.meta.url)

export default defineConfig({
  test: {
    root: root.pathname,
    include: ['test/stack/**/*.test.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    experimental: { viteModuleRunner: false, nodeLoader: false },
    execArgv: ['--import', new URL('./src/jobs/module-hooks.ts', root).href],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 120_000,
    hookTimeout: 600_000,
  },
})
