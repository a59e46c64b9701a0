import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)

/** Fills the heap, drops it, and prints the size of the heap at its peak and each 100 ms afterwards, until it has halved or for 20 s. */
const program = `
  const { freeMemoryWhenIdle } = await import('./src/idle-memory.ts')
  freeMemoryWhenIdle()
  const heapTotal = () => process.memoryUsage().heapTotal
  let held = Array.from({ length: 400_000 }, (_, i) => ({ i, text: 'x' + i }))
  const peak = heapTotal()
  held = undefined
  const end = performance.now() + 20_000
  while (heapTotal() > peak / 2 && performance.now() < end) await new Promise((resolve) => setTimeout(resolve, 100))
  console.log(JSON.stringify({ peak, left: heapTotal() }))
`

test('an idle process gives back what its busiest moment took', async () => {
  const { stdout } = await run(process.execPath, ['--input-type=module', '--eval', program])
  const { peak, left } = JSON.parse(stdout)
  expect(left).toBeLessThan(peak / 2)
})
