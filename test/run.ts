import { join } from 'node:path'
import { type CliOptions, createVitest, parseCLI, TestsNotFoundError } from 'vitest/node'

// `npm test`: Vitest with the arguments of its command line. A file with a test that failed then runs once more, with nothing beside
// it: a test whose time bound is too short for a busy machine would fail in each retry. What fails again fails the run.
// summary-reporter.ts names what passed.

/** When more files fail, the machine is not to blame. */
const maxRepeated = 5

const env = { TEST: 'true', VITEST: 'true', NODE_ENV: 'test' }
// Vitest's own processes start sooner with it.
const NODE_COMPILE_CACHE = join(import.meta.dirname, '../node_modules/.cache/node')
Object.assign(process.env, { ...env, NODE_COMPILE_CACHE, ...process.env })

const { filter, options } = parseCLI(['vitest', 'run', ...process.argv.slice(2)])
const { exclude = [], ...others } = options
const run: CliOptions = { ...others, cliExclude: [exclude].flat(), watch: false }
const vitest = await createVitest(run)
try {
  const { testModules, unhandledErrors } = await vitest.start(filter)
  const failed = testModules.filter((module) => !module.ok())
  if (failed.length > 0 && failed.length <= maxRepeated && testModules.length > 1) {
    console.log(`\nOnce more, alone: ${failed.map(({ relativeModuleId }) => relativeModuleId).join(', ')}`)
    let hasFailed = unhandledErrors.length > 0
    for (const module of failed) {
      const again = await vitest.runTestSpecifications([module.toTestSpecification()])
      hasFailed ||= again.unhandledErrors.length > 0 || !again.testModules.find(({ id }) => id === module.id)?.ok()
    }
    process.exitCode = hasFailed ? 1 : 0
  }
} catch (error) {
  // Vitest has printed it.
  if (!(error instanceof TestsNotFoundError)) throw error
  process.exitCode = 1
} finally {
  await vitest.exit()
}
