import type { Redis } from 'ioredis'
import { whenSent } from './end-of-turn.ts'

/** When batched commands are written: at the end of the event loop's turn, or of the current callback (`process.nextTick`). */
export type WriteWhen = 'turn' | 'tick'

/** Bytes that are held back at most, so that Redis can begin with a large batch. */
const maxHeld = 4096

/**
 * Batches the writes of a connection: commands that are sent in one turn are one write, in the same order. Without it each command is
 * a system call here and one in Redis, and so is each reply: most of the work of a busy process. Nothing waits for more to come.
 *
 * `tick` batches less than `turn`. It is for processes that run handlers: a handler that blocks the event loop must not hold back what
 * was sent before it ran.
 */
export function batchWrites(redis: Redis, when: WriteWhen): void {
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
    if (stream?.writableCorked && stream.writableLength >= maxHeld) {
      stream.uncork()
      stream.cork()
    }
    return sent
  }
}
