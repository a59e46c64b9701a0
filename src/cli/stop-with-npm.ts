/**
 * Stops this process, as SIGTERM does, when npm or npx that runs it ends. npm passes signals on to a shell, which may end by them and leave
 * its program running; and an npm that is killed passes on nothing.
 */
export function stopWithNpm(): void {
  if (process.env['npm_lifecycle_event'] === undefined) return
  const parent = process.ppid
  const watch = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(watch)
    process.kill(process.pid, 'SIGTERM')
  }, 500)
  // Whether the program goes on is not for this watch to say.
  watch.unref()
}
