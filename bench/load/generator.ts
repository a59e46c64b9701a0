/** The load generator, in a separate process, so that it does not slow down the measured processes. */
import { closedLoop, pace, quantile } from '../pace.ts'
import { answerParent } from '../remote.ts'
import { Connections, requestBytes } from './connections.ts'
import { closeStreams, endsSeen, openStreams } from './streams.ts'

/** A request to send repeatedly. Every answer must have this `status`. */
export interface Call {
  origin: string
  path: string
  headers: Record<string, string>
  body: string
  status: number
}

const known = new Map<string, Connections>()

function connectionsTo(origin: string, count: number): Connections {
  const name = `${origin} ${count}`
  const connections = known.get(name) ?? new Connections(origin, count)
  known.set(name, connections)
  return connections
}

/** Sends a call once each time. */
function sender(call: Call, connections: number): () => Promise<void> {
  const to = connectionsTo(call.origin, connections)
  const request = requestBytes(call.origin, call)
  return async () => {
    const status = await to.post(request)
    if (status !== call.status) throw new Error(`${call.path} was answered ${status}, not ${call.status}`)
  }
}

const methods = {
  /** Calls per second. Each connection sends its next call after an answer. */
  async closedLoop({ call, connections, count }: { call: Call; connections: number; count: number }) {
    return closedLoop(connections, count, sender(call, connections))
  },
  /** Latencies at a fixed arrival rate, in ms since each call was due. */
  async openLoop({ call, perS, count }: { call: Call; perS: number; count: number }) {
    const took = await pace(perS, count, sender(call, 256))
    return { p50: quantile(took, 0.5), p99: quantile(took, 0.99) }
  },
  openStreams,
  endsSeen,
  closeStreams,
}
export type Generator = typeof methods

answerParent(methods)
console.log(JSON.stringify({ msg: 'ready' }))
