/**
 * Loaded into the API process by `--import`. On SIGUSR2 it prints, as a line of the log, what was most since the last time: the CPU time of the
 * main thread between two ticks of a short interval, and the memory. CPU time does not count what other processes on a busy machine take.
 */
const everyMs = 5
let most = { holdMs: 0, rssBytes: 0 }
let before = process.threadCpuUsage()

setInterval(() => {
  const { user, system } = process.threadCpuUsage(before)
  before = process.threadCpuUsage()
  most.holdMs = Math.max(most.holdMs, (user + system) / 1000)
  most.rssBytes = Math.max(most.rssBytes, process.memoryUsage.rss())
}, everyMs).unref()

process.on('SIGUSR2', () => {
  process.stdout.write(`${JSON.stringify({ msg: 'measured', ...most })}\n`)
  most = { holdMs: 0, rssBytes: 0 }
})
