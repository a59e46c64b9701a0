/**
 * Replies that say "not now", as opposed to "never": a restart, a fail-over, a slot on its way to another node, a full memory.
 * Redis gives them before a command or a script has changed anything.
 */
const passingReplies =
  /^(LOADING|READONLY|OOM|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|NOREPLICAS|MISCONF|UNBLOCKED)\b/

/** Whether Redis itself answered, as opposed to a connection that failed. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Whether the same command may succeed a little later. */
export function isPassing(error: unknown): boolean {
  return !isReply(error) || passingReplies.test(error.message)
}

/** Replies of a server that is a master no longer: another is, and a new connection finds it. */
export function isOfFormerMaster({ message }: Error): boolean {
  return /^(READONLY|UNBLOCKED)\b/.test(message)
}
