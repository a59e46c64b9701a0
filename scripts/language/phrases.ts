/** A word or phrase that the project does not use, and what to write instead. */
interface Phrase {
  pattern: RegExp
  say: string
}

/**
 * The words of a private English that readers cannot search for. Names count too: `mostJobs` is as unclear as "who dies".
 * Each pattern must have the flag `g`.
 */
const phrases: readonly Phrase[] = [
  { pattern: /\bwhoever\b/gi, say: 'name the role: the client, a worker, another process' },
  {
    pattern: /\bbr(?:ing|ings|ought|inging)(?: \w+){0,2} on\b/gi,
    say: '"drives … to completion", "releases the next job"',
  },
  { pattern: /\b(?:is|are|counts?) as none\b/gi, say: '"is treated as absent", "is ignored"' },
  { pattern: /\basks? nobody\b/gi, say: '"runs without authentication"' },
  { pattern: /\bsaid\b/g, say: 'name what it is: options, message, reported, logged' },
  { pattern: /\btold\b/g, say: '"notified", "published", "received"' },
  { pattern: /\bmost[A-Z]\w*/g, say: 'names of limits begin with max' },
  { pattern: /\bcomes? again\b/gi, say: '"recurs", "is redelivered"' },
  { pattern: /\ba crowd\b/gi, say: '"many clients", "concurrent calls"' },
  { pattern: /\bwatchers? pay/gi, say: '"traffic exists only for watched jobs"' },
  { pattern: /\bwho (?:dies|waits|asks|watches)\b/gi, say: 'name the role: the client, a worker' },
  { pattern: /\b(?:vigil|census|passing errors?)\b/gi, say: '"watchdog", "count", "transient error"' },
  { pattern: /\bpatient(?:Redis)?\b/gi, say: '"retrying"' },
  { pattern: /\bnot now\b/gi, say: '"transient error"' },
  { pattern: /\bmade of looks\b/gi, say: '"polling"' },
  { pattern: /\bjob-steering\b/g, say: '"cancel and retry"' },
]

export interface Found {
  /** From 1. */
  line: number
  text: string
  say: string
}

/** White space and comment marks: a phrase may be split by a line break. */
const gap = String.raw`(?:\s|\*|\/\/|--|#)+`

/** Where `text` uses one of `list`. */
export function findPhrases(text: string, list = phrases): Found[] {
  return list.flatMap(({ pattern, say }) => {
    const acrossLines = new RegExp(pattern.source.replaceAll(' ', gap), pattern.flags)
    return Array.from(text.matchAll(acrossLines), ({ 0: found, index }) => ({
      line: text.slice(0, index).split('\n').length,
      text: found.replaceAll(/\s+/g, ' '),
      say,
    }))
  })
}
