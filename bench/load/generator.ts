/** The load generator, in a separate process, so that it does not slow down the measured processes. */
import { Pool } from 'undici'
import { closedLoop, pace, quantile } from '../pace.ts'
import { answerParent } from '../remote.ts'
import { closeStreams, endsSeen, openStreams } from './streams.ts'

/** A request to send repeatedly. Every answer must have this `status`. */
export interface Call {
  origin: string
  path: string
  headers: Record<string, string>
  body: string
  status: number
}

const pools = new Map<string, Pool>()

function poolFor(origin: string, connections: number): Pool {
  const name = `${origin} ${connections}`
  const pool = pools.get(name) ?? new Pool(origin, { connections, pipelining: 1 })
  pools.set(name, pool)
  return pool
}

/** Uses the lowest level of undici: a generator that needs much CPU time itself would measure itself. */
function post(pool: Pool, { path, headers, body, status }: Call): Promise<void> {
  return new Promise((resolve, reject) => {
    let answered = 0
    pool.dispatch(
      { path, method: 'POST', headers, body },
      {
        onRequestStart() {},
        onResponseStart(_controller, statusCode) {
          answered = statusCode
        },
        onResponseData() {},
        onResponseEnd() {
          if (answered === status) resolve()
          else reject(new Error(`${path} was answered ${answered}, not ${status}`))
        },
        onResponseError(_controller, error) {
          reject(error)
        },
      },
    )
  })
}

const methods = {
  /** Calls per second. Each connection sends its next call after an answer. */
  async closedLoop({ call, connections, count }: { call: Call; connections: number; count: number }) {
    const pool = poolFor(call.origin, connections)
    return closedLoop(connections, count, () => post(pool, call))
  },
  /** Latencies at a fixed arrival rate, in ms since each call was due. */
  async openLoop({ call, perS, count }: { call: Call; perS: number; count: number }) {
    const pool = poolFor(call.origin, 256)
    const took = await pace(perS, count, () => post(pool, call))
    return { p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
  },
  openStreams,
  endsSeen,
  closeStreams,
}
export type Generator = typeof methods

answerParent(methods)
console.log(JSON.stringify({ msg: 'ready' }))
