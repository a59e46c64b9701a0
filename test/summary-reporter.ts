import type { Reporter, SerializedError, TestModule } from 'vitest/node'

/** Closes a run with one plain line that scripts can read: `12 passed, 0 failed`, with `, 3 skipped` where some were. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly SerializedError[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 }
    for (const module of modules) {
      let failedTests = 0
      for (const test of module.children.allTests()) {
        const { state } = test.result()
        // Pending is what a run that was cut short has not come to: nobody may take it for passed.
        if (state === 'passed' || state === 'skipped') count[state] += 1
        else failedTests += 1
      }
      // A file that does not load, or a suite whose hook fails, has no failed test to show for it.
      const brokenFile = !module.ok() && failedTests === 0
      count.failed += brokenFile ? 1 : failedTests
    }
    const skipped = count.skipped > 0 ? `, ${count.skipped} skipped` : ''
    console.log(`${count.passed} passed, ${count.failed} failed${skipped}`)
  }
}
