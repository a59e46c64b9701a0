import { readSync } from 'node:fs'
import { Socket } from 'node:net'
import { type MessagePort, receiveMessageOnPort } from 'node:worker_threads'
import { createJsonLineReader, writeJsonLine } from './json-lines.ts'
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
 */
export function openProcessChannel(fd: number, onMessage: (message: unknown) => void): ChildChannel {
  const socket = new Socket({ fd, readable: true, writable: true })
  const leave = () => process.kill(-process.pid, 'SIGKILL')
  const read = createJsonLineReader(onMessage, leave)
  socket.on('data', read)
  socket.on('error', leave)
  socket.on('close', leave)
  const buffer = Buffer.alloc(4096)
  return {
    send: (message) => writeJsonLine(socket, message),
    drain() {
      for (let size = readNow(fd, buffer); size > 0; size = readNow(fd, buffer)) read(buffer.subarray(0, size))
    },
  }
}

/** The socket does not block: 0 when nothing has arrived, and when it is broken or at its end, which its `close` reports. */
function readNow(fd: number, buffer: Buffer): number {
  try {
    return readSync(fd, buffer)
  } catch {
    return 0
  }
}
