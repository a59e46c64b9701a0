import { readSync, writeSync } from 'node:fs'
import { Socket } from 'node:net'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { createJsonLineReader, toJsonLine } from './json-lines.ts'
import type { FromChild } from './protocol.ts'

/** The child's end of the way to its pool. */
export interface ChildChannel {
  /** Goes out at once, even when the code that called it never lets the event loop turn. @throws for what cannot be sent. */
  send(message: FromChild): void
  /** Hands over what has arrived without waiting for the event loop. */
  drain(): void
}

/** Messages in a thread. */
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
 * Messages in a process, on the socket that its parent opened as descriptor `fd`. When that closes the parent is gone: the
 * process ends, and with it its group, which is whatever the job's code started.
 *
 * Writes do not go by way of the event loop, where they would stay as long as the job computes: when the socket is full the
 * whole process waits, as it does for printing to a pipe, and the parent always reads.
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

/** How many bytes went through: 0 when the socket, which does not block, is full or empty at the moment. */
function unlessBusy(transfer: () => number): number {
  try {
    return transfer()
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 0
    throw error
  }
}
