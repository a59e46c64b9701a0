import type { Redis } from 'ioredis'
import { whenSent } from './end-of-turn.ts'

/** When the commands of a connection are written: at the end of the turn, or as soon as nothing is left to do of what it has just handled. */
export type WriteWhen = 'turn' | 'tick'

/** So many bytes are written at once: Redis may begin with them. */
const mostHeld = 4096

/**
 * Makes a connection write together what was sent together, in the same order. Without it each command is a system call here and
 * another in Redis, which answers each by itself, too: most of what a busy process does. Nothing waits for more to come.
 *
 * `tick` gathers less than `turn`: what one callback of the event loop has led to, and not all that came with it. That is for who runs code
 * of others: a handler that blocks the turn must not hold back what was sent before it went on.
 */
export function writeTogether(redis: Redis, when: WriteWhen): void {
  const send = redis.sendCommand.bind(redis)
  const plan = when === 'turn' ? whenSent : (write: () => void) => process.nextTick(write)
  let held: Redis['stream'] | undefined
  redis.sendCommand = (command, pipeline) => {
    const { stream } = redis
    if (stream !== held && stream?.writable) {
      stream.cork()
      held = stream
      plan(() => {
        stream.uncork()
        if (held === stream) held = undefined
      })
    }
    const sent = send(command, pipeline)
    if (stream?.writableCorked && stream.writableLength >= mostHeld) {
      stream.uncork()
      stream.cork()
    }
    return sent
  }
}
