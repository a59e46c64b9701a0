/** An answer is data: a browser must not run, embed or sniff it. */
const answerPolicy = "default-src 'none'; frame-ancestors 'none'"

/** The documentation page runs its own scripts, sets inline styles, and has its icons as data URLs. */
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

/** The security headers of every answer (OWASP REST Security Cheat Sheet, "Security Headers"). */
export const securityHeaders = {
  'content-security-policy': answerPolicy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
}
