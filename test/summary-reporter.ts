import type { Reporter, SerializedError, TestCase, TestModule, Vitest } from 'vitest/node'

/** What became of a test: of a retried or repeated one with its first error, on one line. */
interface Result {
  name: string
  state: 'passed' | 'failed' | 'skipped'
  /** Passed after it had failed. */
  how?: 'retried' | 'alone'
  error?: string
}

/** By the ids of the tests of a file, which are the same in each run. */
type File = Map<string, Result>

/**
 * Closes a run with plain lines that scripts can read, the last one `12 passed, 0 failed`, with `, 3 skipped` where some were skipped.
 * The lines before it name the tests that passed only in a retry, or only when test/run.ts ran their file alone:
 *
 *     retried: "test/e2e/metrics.test.ts > a counter rises": AssertionError: expected 1 to be 2 (test/e2e/metrics.test.ts:12)
 *     1 passed alone: "test/e2e/deploys.test.ts > a worker stops"
 *     2 flaky: "test/e2e/metrics.test.ts > a counter rises", "test/e2e/deploys.test.ts > a worker stops"
 *     12 passed, 0 failed
 */
export default class SummaryReporter implements Reporter {
  readonly #files = new Map<string, File>()
  #unhandled = 0
  #isWatching = false

  onInit(vitest: Vitest): void {
    this.#isWatching = vitest.config.watch
  }

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    // Without that a second run of a file is what test/run.ts does with those that failed: the counts are those of all runs.
    if (this.#isWatching) {
      this.#files.clear()
      this.#unhandled = 0
    }
    this.#unhandled += unhandledErrors.length
    for (const module of modules) {
      const key = `${module.project.name} ${module.moduleId}`
      this.#files.set(key, resultsOf(module, this.#files.get(key)))
    }
    this.#print()
  }

  #print(): void {
    const all = [...this.#files.values()].flatMap((file) => [...file.values()])
    const flaky = all.filter(({ how }) => how !== undefined)
    for (const { name, how, error } of flaky) {
      console.log(`${how === 'alone' ? 'failed before it ran alone' : 'retried'}: ${JSON.stringify(name)}: ${error}`)
    }
    const named = (what: string, tests: Result[]) => {
      if (tests.length > 0)
        console.log(`${tests.length} ${what}: ${tests.map(({ name }) => JSON.stringify(name)).join(', ')}`)
    }
    named(
      'passed alone',
      flaky.filter(({ how }) => how === 'alone'),
    )
    named('flaky', flaky)
    const count = (state: Result['state']) => all.filter((one) => one.state === state).length
    const skipped = count('skipped') > 0 ? `, ${count('skipped')} skipped` : ''
    console.log(`${count('passed')} passed, ${count('failed') + this.#unhandled} failed${skipped}`)
  }
}

/** @param before those of its first run, when this is its second */
function resultsOf(module: TestModule, before?: File): File {
  const file: File = new Map()
  for (const test of module.children.allTests()) {
    const { state, errors } = test.result()
    const name = nameOf(test)
    const earlier = before?.get(test.id)
    const error = earlier?.error ?? oneLine(errors?.[0], module)
    // Pending tests are those that an interrupted run did not reach: they must not count as passed.
    const result = state === 'passed' || state === 'skipped' ? state : 'failed'
    if (result === 'passed' && earlier?.state === 'failed')
      file.set(test.id, { name, state: result, how: 'alone', error })
    else if (result === 'passed' && (test.diagnostic()?.flaky || earlier?.how))
      file.set(test.id, { name, state: result, how: 'retried', error })
    else file.set(test.id, { name, state: result, error })
  }
  // A file that does not load, or a suite whose hook fails, has no failed test of its own.
  if (!module.ok() && ![...file.values()].some(({ state }) => state === 'failed'))
    file.set(module.id, { name: module.relativeModuleId, state: 'failed', error: oneLine(module.errors()[0], module) })
  return file
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`
}

const maxChars = 300

/** The kind and the message of an error, and the line of its file that threw it. */
function oneLine(error: SerializedError | undefined, { relativeModuleId }: TestModule): string {
  if (error === undefined) return 'no error'
  const message = `${error.name}: ${error.message}`.replaceAll(/\s+/g, ' ').slice(0, maxChars)
  const [, line] = error.stack?.split(`${relativeModuleId}:`) ?? []
  return line ? `${message} (${relativeModuleId}:${Number.parseInt(line)})` : message
}
