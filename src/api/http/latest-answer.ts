import type { ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

const latest = Symbol('latest answer')

type Connection = Socket & { [latest]?: ServerResponse }

/** Remembers the answer to the latest request of a connection. */
export function noteAnswer(connection: Connection, answer: ServerResponse): void {
  connection[latest] = answer
}

/**
 * The answer to the latest request of a connection, also after it was sent.
 *
 * The connections keep them: a Set of all answers leaves a table behind whenever it grows, each with the answers of its time and the table that
 * came after it. Where one is old, all that follow are old, and no scavenge frees them: half of the memory of garbage collection was that.
 */
export const latestAnswer = (connection: Connection): ServerResponse | undefined => connection[latest]

/** Whether a client waits for an answer on a connection. */
export const isAnswering = (connection: Connection): boolean => latestAnswer(connection)?.destroyed === false
