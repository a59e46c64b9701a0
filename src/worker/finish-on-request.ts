/**
 * Calls `finish` when the parent process asks for it, as `npm start` does when job files have changed. A signal meanwhile begins the
 * shutdown with its usual grace.
 */
export function finishOnRequest(finish: () => Promise<void>): void {
  let finishing: Promise<void> | undefined
  if (process.send === undefined) return
  process.on('message', (message) => {
    if (message === 'finish') finishing ??= finish()
  })
}
