import { defineConfig } from 'vitest/config'

// `npm run contract`: clients that generators make of the OpenAPI document. They need other languages, and download the generators.
const root = new URL('../../', import.meta.url)

export default defineConfig({
  test: {
    root: root.pathname,
    include: ['test/generators/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    experimental: { viteModuleRunner: false, nodeLoader: false },
    execArgv: ['--import', new URL('./src/jobs/module-hooks.ts', root).href],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 900_000,
  },
})
