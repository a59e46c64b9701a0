import type { HeldBy } from '../model.ts'

const texts: Record<string, string> = {
  paused: 'the queue is paused',
  no_worker: 'no worker consumes the queue',
  unknown_type: 'no worker knows the job type',
}

/** Why a job waits although its time has come. */
export function heldText({ kind, key, running, limit }: HeldBy): string {
  const known = texts[kind]
  if (known !== undefined) return known
  const bound = typeof limit === 'number' ? ` (${running ?? '?'} of ${limit} running)` : ''
  return [kind.replaceAll('_', ' '), key].filter(Boolean).join(' ') + bound
}
