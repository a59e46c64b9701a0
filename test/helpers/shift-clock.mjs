// Preloaded with --import: shifts the wall clock of a process by CLOCK_SHIFT_MS, and by the number in the file CLOCK_SHIFT_FILE, which a test may
// change while the process runs.
import { readFileSync } from 'node:fs'

const RealDate = Date
const { CLOCK_SHIFT_MS = '0', CLOCK_SHIFT_FILE: file } = process.env
let shiftMs = Number(CLOCK_SHIFT_MS)
if (file) {
  const read = () => {
    shiftMs = Number(readFileSync(file, 'utf8'))
  }
  read()
  setInterval(read, 50).unref()
}

class ShiftedDate extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(RealDate.now() + shiftMs)
    else super(...args)
  }

  static now() {
    return RealDate.now() + shiftMs
  }
}
globalThis.Date = ShiftedDate
