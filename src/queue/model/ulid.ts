import { randomFillSync } from 'node:crypto'
import { encodeTime } from 'ulid'

/** Crockford's base 32, in lower case, two digits at a time. */
const digits = Array.from('0123456789abcdefghjkmnpqrstvwxyz')
const pairs = digits.flatMap((high) => digits.map((low) => high + low))
/** The random part of a ULID has 80 bits: two halves of eight digits. */
const half = 2 ** 40
/** The first of a millisecond leaves room for those that follow: 65,536 of them at the least. */
const firstBelow = half / 2
const maxStep = 2 ** 23

/** A buffer: a system call for each id would take longer than everything else. */
const randomWords = new Uint32Array(1024)
let wordsLeft = 0
function randomWord(): number {
  if (wordsLeft === 0) {
    randomFillSync(randomWords)
    wordsLeft = randomWords.length
  }
  return randomWords[--wordsLeft] ?? 0
}

/** A random integer from 0 to 2 ** 40 - 1. */
function randomHalf(): number {
  return (randomWord() % 256) * 2 ** 32 + randomWord()
}

let lastMs = -1
let lastTime = ''
let lastHigh = 0

/**
 * A new ULID (https://github.com/ulid/spec), in lower case. Those of one process rise, also within a millisecond. There the upper half of
 * the random part rises by a random step and the lower half is drawn anew, so that one id leaves 2 ** 63 possibilities for the next:
 * the specification's own increment by one would tell a tenant the ids of the others.
 *
 * @param now epoch ms; when it is not later than for the id before, the new id has the time of that
 */
export function newUlid(now: number): string {
  const next = lastHigh + 1 + (randomWord() % maxStep)
  if (now > lastMs || next >= half) {
    lastMs = Math.max(now, lastMs + 1)
    lastTime = encodeTime(lastMs).toLowerCase()
    lastHigh = randomHalf() % firstBelow
  } else lastHigh = next
  return lastTime + encodeHalf(lastHigh) + encodeHalf(randomHalf())
}

function encodeHalf(value: number): string {
  const [high, low] = [Math.floor(value / 2 ** 20), value % 2 ** 20]
  return `${pairs[high >>> 10]}${pairs[high & 1023]}${pairs[low >>> 10]}${pairs[low & 1023]}`
}
