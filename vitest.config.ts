import { configDefaults, defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    // Those build images and run containers: npm run test:stack.
    exclude: [...configDefaults.exclude, 'test/stack/**'],
    globalSetup: ['test/global-setup.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    // Node.js itself loads the tests and what they test, as it does outside of them: types stripped, `drover` and `zod`
    // resolved by our hooks, one copy of each module. Vite's module runner would transform and resolve by its own rules.
    experimental: { viteModuleRunner: false, nodeLoader: false },
    execArgv: ['--import', new URL('./src/jobs/module-hooks.ts', import.meta.url).href],
    pool: 'forks',
    // Tests start workers, threads and servers of their own: more files at once than two would only make them late.
    maxWorkers: 2,
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
})
