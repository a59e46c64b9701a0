import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node'

/**
 * Closes a run with plain lines that scripts can read: `12 passed, 0 failed`, with `, 3 skipped` where some were skipped.
 * The line before it names the tests that passed only in a retry: `1 flaky: "test/e2e/metrics.test.ts > a counter rises"`.
 */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    const flaky: string[] = []
    for (const module of modules) {
      let failedTests = 0
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        // Pending tests are those that an interrupted run did not reach: they must not count as passed.
        if (state === 'passed' || state === 'skipped') count[state] += 1
        else failedTests += 1
        if (test.diagnostic()?.flaky) flaky.push(nameOf(test))
      }
      // A file that does not load, or a suite whose hook fails, has no failed test of its own.
      const isBrokenFile = !module.ok() && failedTests === 0
      count.failed += isBrokenFile ? 1 : failedTests
    }
    if (flaky.length > 0) console.log(`${flaky.length} flaky: ${flaky.map((name) => JSON.stringify(name)).join(', ')}`)
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
    console.log(`${count.passed} passed, ${count.failed} failed${skipped}`)
  }
}

function nameOf(test: TestCase): string {
  return `${test.module.relativeModuleId} > ${test.fullName}`
}
