/** An answer is data: nothing in it is to be run, embedded or guessed at. */
const ofAnswers = "default-src 'none'; frame-ancestors 'none'"

/** The page of the documentation runs its own scripts. It sets styles by itself, and its icons are data. */
export const docsPolicy = [
  "default-src 'none'",
  "base-uri 'none'",
  "connect-src 'self'",
  "font-src 'self'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "img-src 'self' data:",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
].join('; ')

/** On each answer: what keeps a browser from misusing it (OWASP REST Security Cheat Sheet, "Security Headers"). */
export const securityHeaders = {
  'content-security-policy': ofAnswers,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
}
