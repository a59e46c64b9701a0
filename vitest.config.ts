import { configDefaults, defineConfig } from 'vitest/config'

/** One folder of test/ is one project: `npm test -- --project unit`. CONTRIBUTING.md says what goes where. */
const projects = ['unit', 'processes', 'redis', 'e2e', 'hostile', 'faults', 'topology']

export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    // Tests start workers, threads and servers, and wait for them: with two files at once two cores are idle for half of the time.
    maxWorkers: 3,
    projects: projects.map((name) => ({
      test: {
        name,
        include: [`test/${name}/**/*.test.ts`, ...(name === 'redis' ? ['test/bullmq/**/*.test.ts'] : [])],
        exclude: configDefaults.exclude,
        // Node.js loads the tests and the code as in production: types are stripped, module-hooks.ts resolves `drover` and `zod`,
        // and each module has one copy. Vite's module runner would transform and resolve by its own rules.
        experimental: { viteModuleRunner: false, nodeLoader: false },
        execArgv: ['--import', new URL('./src/jobs/module-hooks.ts', import.meta.url).href],
        pool: 'forks' as const,
        // Unit tests share two processes: to start one per file and to import everything again doubles their CPU time.
        isolate: name !== 'unit',
        testTimeout: 20_000,
        hookTimeout: 30_000,
      },
    })),
  },
})
