/** The load, in a process of its own, so that making it does not slow down what answers it. */
import { Pool } from 'undici'
import { crowd, pace, quantile } from '../pace.ts'
import { answerParent } from '../remote.ts'
import { closeStreams, endsSeen, openStreams } from './streams.ts'

/** One request, as often as it is asked for; `status` is what every answer must have. */
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

/** The lowest level of undici: a generator that is busy itself measures itself. */
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
  /** Calls per second, each connection calling again when it was answered. */
  async closedLoop({ call, connections, count }: { call: Call; connections: number; count: number }) {
    const pool = poolFor(call.origin, connections)
    return crowd(connections, count, () => post(pool, call))
  },
  /** Latencies at a fixed arrival rate, in ms from when each call was due. */
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
