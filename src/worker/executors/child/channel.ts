import { readSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { createJsonLineReader, toJsonLine } from '../json-lines.ts'
import type { FromChild } from '../protocol.ts'

/** The child's end of the connection to its pool. */
export interface ChildChannel {
  /** Sends at once, even if the calling code never returns to the event loop. @throws for a message that cannot be sent. */
  send(message: FromChild): void
  /** Delivers the messages that have arrived, without waiting for the event loop. */
  drain(): void
}

/** The channel of a thread. */
export function openThreadChannel(port: MessagePort, onMessage: (message: unknown) => void): ChildChannel {
  port.on('message', onMessage)
  return {
    send: (message) => port.postMessage(message),
    drain() {
      for (let next = receiveMessageOnPort(port); next; next = receiveMessageOnPort(port)) onMessage(next.message)
    },
  }
}

/**
 * The channel of a process: the socket that the parent opened as descriptor `fd`. If it closes, the parent is gone, and the
 * process ends together with its group, that is every program that the job's code started.
 *
 * Writes are synchronous: through the event loop they would wait until the job stops computing. If the socket is full, the whole
 * process blocks, as it does when it prints to a pipe; the parent never stops reading.
 */
export function openProcessChannel(fd: number, onMessage: (message: unknown) => void): ChildChannel {
  const leave = () => process.kill(-process.pid, 'SIGKILL')
  const socket = new Socket({ fd, readable: true, writable: false })
  const read = createJsonLineReader(onMessage, leave)
  socket.on('data', read)
  socket.on('error', leave)
  socket.on('close', leave)
  const buffer = Buffer.alloc(4096)
  return {
    send(message) {
      let rest = Buffer.from(toJsonLine(message))
      for (;;) {
        rest = rest.subarray(unlessBusy(() => writeSync(fd, rest)))
        if (rest.length === 0) return
        Atomics.wait(sleeper, 0, 0, 1)
      }
    },
    drain() {
      const readNow = () => unlessBusy(() => readSync(fd, buffer))
      for (let size = readNow(); size > 0; size = readNow()) read(buffer.subarray(0, size))
    },
  }
}

const sleeper = new Int32Array(new SharedArrayBuffer(4))

/** The number of bytes transferred: 0 if the non-blocking socket is full or empty at the moment. */
function unlessBusy(transfer: () => number): number {
  try {
    return transfer()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0
    throw error
  }
}
