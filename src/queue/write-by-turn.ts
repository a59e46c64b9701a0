import type { Redis } from 'ioredis'
import { whenSent } from './end-of-turn.ts'

/**
 * Makes a connection write once in a turn of the event loop what was sent in that turn, in the same order. Without it each
 * command is a system call here and another in Redis, which answers each by itself, too: most of what a busy process does.
 * Nothing waits for more to come: the turn that a command was sent in ends when there is nothing else to do.
 */
export function writeByTurn(redis: Redis): void {
  const send = redis.sendCommand.bind(redis)
  let held: Redis['stream'] | undefined
  redis.sendCommand = (command, pipeline) => {
    const { stream } = redis
    if (stream !== held && stream?.writable) {
      stream.cork()
      held = stream
      whenSent(() => {
        stream.uncork()
        if (held === stream) held = undefined
      })
    }
    return send(command, pipeline)
  }
}
