import { startStack } from '../helpers/stack.ts'
import { waitFor } from '../helpers/wait-for.ts'

/** An API of Compose and Kubernetes has 512 MB, of which Node.js takes half for its heap. */
const heapMb = 256

interface Measured<T> {
  /** The longest CPU time for which the event loop was held, in ms. */
  holdMs: number
  /** The most memory, in MiB. */
  memoryMb: number
  result: T
}

/** Starts an API that measures its own event loop and memory. */
export async function startMeasuredApi(env: Record<string, string> = {}) {
  const preload = new URL('measure-turns.ts', import.meta.url).href
  const options = `--max-semi-space-size=16 --max-old-space-size=${heapMb} --import ${preload}`
  const { api } = await startStack({ workers: 0, env: { NODE_OPTIONS: options, ...env } })
  const reports = () => api.logs.filter(({ msg }) => msg === 'measured')
  const report = async () => {
    const seen = reports().length
    api.signal('SIGUSR2')
    const [last] = (await waitFor('a report', reports, ({ length }) => length > seen, { withinMs: 60_000 })).slice(-1)
    return { holdMs: Number(last?.['holdMs']), memoryMb: Number(last?.['rssBytes']) / 1_048_576 }
  }
  /** What `act` costs the API. */
  const measure = async <T>(act: () => Promise<T>): Promise<Measured<T>> => {
    await report()
    const result = await act()
    return { ...(await report()), result }
  }
  return { api, measure }
}
