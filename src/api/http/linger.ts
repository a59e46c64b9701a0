import type { Socket } from 'node:net'

/** For how long at most, for how long without a byte, and how many bytes. */
const lingerMs = 10_000
const silentMs = 2000
const lingerBytes = 64 * 1024 * 1024
const checkEveryMs = 100

const lingering = new WeakSet<Socket>()

/**
 * Ends a connection so that its client gets the last answer although it is still sending: what comes is read and dropped for a while. The
 * system resets a connection that is closed with bytes unread, and a client that is reset loses the answer.
 */
export function endAndRead(socket: Socket): void {
  if (lingering.has(socket) || socket.destroyed) return
  lingering.add(socket)
  const [begun, bytes] = [performance.now(), socket.bytesRead]
  let last = { at: begun, bytes }
  const check = setInterval(() => {
    const now = performance.now()
    if (socket.bytesRead > last.bytes) last = { at: now, bytes: socket.bytesRead }
    const isOver = now - begun > lingerMs || now - last.at > silentMs || last.bytes - bytes > lingerBytes
    if (isOver) socket.destroy()
  }, checkEveryMs)
  socket.once('close', () => clearInterval(check))
  socket.end()
  socket.resume()
}
