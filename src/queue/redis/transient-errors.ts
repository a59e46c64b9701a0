/**
 * Error replies that are transient: a restart, a failover, a slot that moves to another node, a full memory.
 * Redis sends them before a command or a script has changed anything.
 */
const transientReplies =
  /^(LOADING|READONLY|OOM|MASTERDOWN|CLUSTERDOWN|TRYAGAIN|MOVED|ASK|BUSY|NOREPLICAS|MISCONF|UNBLOCKED)\b/

/** Whether this is an error reply of Redis, not a failure of the connection. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Whether Redis does not know (any more) the script that was called by its digest. Nothing was done. */
export const isForgottenScript = (error: Error): boolean => isReply(error) && error.message.startsWith('NOSCRIPT')

/** Whether the same command may succeed later. */
export function isTransient(error: unknown): boolean {
  return !isReply(error) || transientReplies.test(error.message)
}

/** Whether the reply is of a server that is not the master any more: a new connection finds the new master. */
export function isOfFormerMaster({ message }: Error): boolean {
  return /^(READONLY|UNBLOCKED)\b/.test(message)
}

/** Whether a command was not sent, because there was no connection. */
export function wasNotSent(error: unknown): boolean {
  return error instanceof Error && /^(Stream isn't writeable|the cluster is not connected)/.test(error.message)
}

const networkCodes =
  /^(ECONNREFUSED|ECONNRESET|ECONNABORTED|EPIPE|ETIMEDOUT|EHOSTUNREACH|EHOSTDOWN|ENETUNREACH|ENETDOWN|ENOTFOUND|EAI_AGAIN)$/
/** Errors of ioredis have no codes. */
const clientFailures =
  /^(Connection is closed|Command timed out|Command aborted|Socket timeout|Stream isn't writeable|connect ETIMEDOUT|Reached the max retries|Failed to refresh slots cache|None of startup nodes|All sentinels are unreachable|Cluster is (ended|disconnect)|Cluster isn't ready|Too many Cluster redirections|the cluster is not connected|Connection is (aborted|discarded))/

/** Whether a connection to Redis, or a call over it, has failed without a reply. */
export function isConnectionFailure(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code: unknown = 'code' in error ? error.code : undefined
  return (typeof code === 'string' && networkCodes.test(code)) || clientFailures.test(error.message)
}
