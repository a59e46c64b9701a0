import { isPackage } from '../../module-path.ts'
import { CommandFailure } from '../command-failure.ts'
import { escapeText } from '../terminal/escape.ts'
import type { Target } from './target.ts'

/** Whether an error is that of a connection: one that was refused, cut or silent. */
export function isBroken(error: unknown): error is Error & { code: string } {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && error.code !== 'ABORT_ERR'
}

/** What the user can do about a server that does not answer. */
export function notReached({ url, source }: Target, error: { code: string }): CommandFailure {
  const hint = hints[error.code] ?? ''
  return new CommandFailure(
    'notReached',
    `${escapeText(url.href)} was not reached (${escapeText(error.code)}; the address is of ${source})${hint}`,
  )
}

const selfSigned = ': NODE_EXTRA_CA_CERTS names a file with the certificate of its authority'

const hints: Record<string, string> = {
  ECONNREFUSED: `: start a server with ${isPackage ? 'npx drover dev' : 'npm start'}, or set DROVER_URL`,
  ETIMEDOUT: ': the server says nothing',
  ENOTFOUND: ': is the name right?',
  DEPTH_ZERO_SELF_SIGNED_CERT: selfSigned,
  SELF_SIGNED_CERT_IN_CHAIN: selfSigned,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: selfSigned,
}
