const gathering: (() => void)[] = []
const writing: (() => void)[] = []
let isPlanned = false

/** Calls back when this turn of the event loop has handled its events: to send one command for many requests. */
export function whenGathered(send: () => void): void {
  gathering.push(send)
  plan()
}

/** Calls back after all callbacks of {@link whenGathered}, in the same turn: to write what they have sent. */
export function whenSent(write: () => void): void {
  writing.push(write)
  plan()
}

function plan(): void {
  if (isPlanned) return
  isPlanned = true
  setImmediate(endTurn)
}

function endTurn(): void {
  try {
    for (const send of gathering.splice(0)) send()
    for (const write of writing.splice(0)) write()
  } finally {
    isPlanned = false
    if (gathering.length + writing.length > 0) plan()
  }
}
