import { closeSync, openSync, readSync, writeSync } from 'node:fs'
import { type LedgerEntry, parseEntry } from './ledger-entry.ts'

/**
 * Appends one line with one write to a file in append mode: lines of several processes never mix, they are in the order of the
 * writes, and a SIGKILL immediately afterwards loses nothing.
 */
export function appendEntry(file: string, entry: LedgerEntry): void {
  const fd = openSync(file, 'a')
  try {
    writeSync(fd, `${JSON.stringify(entry)}\n`)
  } finally {
    closeSync(fd)
  }
}

/** Reads a ledger that other processes write to. */
export class LedgerReader {
  readonly #file: string
  readonly #entries: LedgerEntry[] = []
  #offset = 0
  #rest = ''

  constructor(file: string) {
    this.#file = file
  }

  /** All entries so far, in the order of the writes. */
  entries(): readonly LedgerEntry[] {
    const lines = (this.#rest + this.#readOn()).split('\n')
    this.#rest = lines.pop() ?? ''
    for (const line of lines) this.#entries.push(parseEntry(line))
    return this.#entries
  }

  #readOn(): string {
    const chunks: Buffer[] = []
    const fd = openSync(this.#file, 'r')
    try {
      for (;;) {
        const buffer = Buffer.alloc(65_536)
        const size = readSync(fd, buffer, 0, buffer.length, this.#offset)
        if (size === 0) return Buffer.concat(chunks).toString('utf8')
        this.#offset += size
        chunks.push(buffer.subarray(0, size))
      }
    } finally {
      closeSync(fd)
    }
  }
}
