/** A lease as the thread that renews it reads it. */
export interface HeldLease {
  slot: number
  /** Changes with each lease in this slot. */
  version: number
  /** Index of the queue in the list that both sides have. */
  queue: number
  id: string
  token: string
  /** The last proof that the lock is held, as `monotonicMs` counts. */
  heldSince: number
}

const slotBytes = 512
const textBytes = 456
const textAt = slotBytes - textBytes
/** Int32 fields of a slot. */
const field = { version: 0, queue: 1, idLength: 2, tokenLength: 3, refused: 4 }
/** Float64 field of a slot. */
const heldSinceAt = 4
/** The first slot is the header: a count of the beats of the main thread, and the slot whose job it starts, or 0. */
const beatAt = 0
const startingAt = 1
const free = -1

/**
 * The leases of a process in memory that two threads share, so that the main thread writes one in less than a microsecond and another
 * thread can renew it while the main thread is blocked. Only the main thread takes and frees slots. A version number that is odd while
 * a slot is written lets the other thread notice a slot that changed while it was read.
 */
export class LeaseTable {
  readonly buffer: SharedArrayBuffer
  readonly #ints: Int32Array
  readonly #floats: Float64Array
  readonly #bytes: Buffer
  readonly #free: number[] = []

  /** @param memory how many leases, or the buffer of the same table in another thread */
  constructor(memory: number | SharedArrayBuffer) {
    this.buffer = typeof memory === 'number' ? new SharedArrayBuffer((memory + 1) * slotBytes) : memory
    this.#ints = new Int32Array(this.buffer)
    this.#floats = new Float64Array(this.buffer)
    this.#bytes = Buffer.from(this.buffer)
    if (typeof memory !== 'number') return
    for (let slot = memory; slot >= 1; slot--) {
      this.#ints[int(slot, field.queue)] = free
      this.#free.push(slot)
    }
  }

  /** Main thread: it runs. */
  beat(): void {
    Atomics.add(this.#ints, beatAt, 1)
  }

  /** Another number after each beat. */
  get beats(): number {
    return Atomics.load(this.#ints, beatAt)
  }

  /** Main thread: it starts the job of this slot; 0: none. */
  set starting(slot: number) {
    Atomics.store(this.#ints, startingAt, slot)
  }

  get starting(): number {
    return Atomics.load(this.#ints, startingAt)
  }

  /** Main thread: adds a lease. @returns its slot; undefined when the table is full or the texts are too long for it */
  take(lease: Omit<HeldLease, 'slot' | 'version'>): number | undefined {
    const { queue, id, token, heldSince } = lease
    // In UTF-8 a character has at most three bytes for each of its units.
    if (queue < 0 || 3 * (id.length + token.length) > textBytes) return undefined
    const slot = this.#free.pop()
    if (slot === undefined) return undefined
    Atomics.add(this.#ints, int(slot, field.version), 1)
    const written = this.#bytes.write(id + token, slot * slotBytes + textAt)
    // Most have ASCII alone: to count again costs as much as to write.
    const isAscii = written === id.length + token.length
    this.#floats[float(slot)] = heldSince
    this.#ints[int(slot, field.idLength)] = isAscii ? id.length : Buffer.byteLength(id)
    this.#ints[int(slot, field.tokenLength)] = isAscii ? token.length : Buffer.byteLength(token)
    this.#ints[int(slot, field.queue)] = queue
    Atomics.store(this.#ints, int(slot, field.refused), 0)
    Atomics.add(this.#ints, int(slot, field.version), 1)
    return slot
  }

  /** Main thread: removes a lease. */
  release(slot: number): void {
    Atomics.add(this.#ints, int(slot, field.version), 1)
    this.#ints[int(slot, field.queue)] = free
    Atomics.add(this.#ints, int(slot, field.version), 1)
    this.#free.push(slot)
  }

  heldSince(slot: number): number {
    return this.#floats[float(slot)] ?? 0
  }

  /** Whether it is not renewed any more: Redis has refused to, or one of the threads has given it up. */
  isGone(slot: number): boolean {
    return Atomics.load(this.#ints, int(slot, field.refused)) === 1
  }

  /** Main thread: gives a lease up. */
  giveUp(slot: number): void {
    Atomics.store(this.#ints, int(slot, field.refused), 1)
  }

  /** Other thread: all leases that are not gone and were last proved before `heldBefore`. One that changes meanwhile is left out. */
  *leases(heldBefore = Infinity): Generator<HeldLease, void, undefined> {
    for (let slot = 1; slot * slotBytes < this.buffer.byteLength; slot++) {
      const lease = this.heldSince(slot) < heldBefore && this.#read(slot)
      if (lease) yield lease
    }
  }

  /** Other thread: a lease was renewed by a call that was sent at `sentAt`. */
  renewed({ slot, version }: HeldLease, sentAt: number): void {
    if (this.#version(slot) === version) this.#floats[float(slot)] = sentAt
  }

  /** Other thread: a lease is lost, or given up. */
  refuse({ slot, version }: HeldLease): void {
    if (this.#version(slot) === version) Atomics.store(this.#ints, int(slot, field.refused), 1)
  }

  #read(slot: number): HeldLease | undefined {
    const version = this.#version(slot)
    const queue = this.#ints[int(slot, field.queue)] ?? free
    if (version % 2 !== 0 || queue === free || this.isGone(slot)) return undefined
    const idEnd = slot * slotBytes + textAt + (this.#ints[int(slot, field.idLength)] ?? 0)
    const tokenEnd = idEnd + (this.#ints[int(slot, field.tokenLength)] ?? 0)
    const id = this.#bytes.toString('utf8', slot * slotBytes + textAt, idEnd)
    const token = this.#bytes.toString('utf8', idEnd, tokenEnd)
    const lease = { slot, version, queue, id, token, heldSince: this.heldSince(slot) }
    return this.#version(slot) === version ? lease : undefined
  }

  #version(slot: number): number {
    return Atomics.load(this.#ints, int(slot, field.version))
  }
}

function int(slot: number, index: number): number {
  return (slot * slotBytes) / 4 + index
}

function float(slot: number): number {
  return (slot * slotBytes) / 8 + heldSinceAt
}
