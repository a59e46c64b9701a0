import { open } from 'node:fs/promises'
import type { Lifecycle } from './lifecycle.ts'
import type { Warning } from './queue/redis/warning.ts'

const lookEveryMs = 1000
/** Under load the last descriptor may be free for a moment. */
const looksUntilOver = 5
const code = 'descriptors_exhausted'

interface DescriptorLog {
  error(fields: object, message: string): void
  info(fields: object, message: string): void
}

/** Whether an error says that no file descriptor is left: `EMFILE` for this process, `ENFILE` for the system. */
export function isExhausted(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && (error.code === 'EMFILE' || error.code === 'ENFILE')
}

/**
 * Notices that this process has no file descriptors left. A server does not hear of that: the system closes its new connections. Logs it
 * once, and once when it is over. `release` closes what need not be open, such as idle connections; it is called each second meanwhile.
 *
 * @returns the warnings for `/readyz`
 */
export function watchDescriptors(options: {
  log: DescriptorLog
  lifecycle: Pick<Lifecycle, 'onStop'>
  release: () => unknown
}): () => Warning[] {
  const { log, lifecycle, release } = options
  let reason: string | undefined
  let goodLooks = 0
  const look = async (): Promise<void> => {
    const found = await whyNothingOpens()
    goodLooks = found === undefined ? goodLooks + 1 : 0
    if (found !== undefined) release()
    if (found !== undefined && reason === undefined) {
      reason = found
      log.error({ code, reason }, 'no file descriptors are left, new connections fail; raise the limit (ulimit -n)')
    } else if (reason !== undefined && goodLooks >= looksUntilOver) {
      reason = undefined
      log.info({}, 'file descriptors are available again')
    }
  }
  let looking: Promise<void> | undefined
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined
    })
  }, lookEveryMs)
  lifecycle.onStop('descriptors', async () => {
    clearInterval(timer)
    await looking
  })
  return () => (reason === undefined ? [] : [{ code, detail: `No file descriptors are left (${reason}, ulimit -n).` }])
}

async function whyNothingOpens(): Promise<string | undefined> {
  try {
    const file = await open(import.meta.filename)
    await file.close()
    return undefined
  } catch (error) {
    return isExhausted(error) ? error.code : undefined
  }
}
