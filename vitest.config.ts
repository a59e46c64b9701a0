import { configDefaults, defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'

/**
 * One folder of test/ is one project: `npm test -- --project unit`. CONTRIBUTING.md says what goes where. They run in this order: those with
 * the longest files come first, so that at the end no core waits for one of them.
 */
const projects = ['topology', 'faults', 'hostile', 'e2e', 'redis', 'processes', 'unit']

class ByProject extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ project }: TestSpecification): number => projects.indexOf(project.name)
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b))
  }
}

export default defineConfig({
  test: {
    globalSetup: ['test/global-setup.ts'],
    reporters: ['default', './test/summary-reporter.ts'],
    // Tests start workers, threads and servers, and wait for them: with two files at once two cores are idle for half of the time.
    maxWorkers: 3,
    sequence: { sequencer: ByProject },
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
        // A bound for what hangs. The machine may be slow and busy.
        testTimeout: 120_000,
        hookTimeout: 60_000,
      },
    })),
  },
})
