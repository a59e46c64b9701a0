/** A double keeps 15 significant digits of any number, and no double needs more than 17 to differ from its neighbours. */
const safeDigits = 15
const maxDigits = 17
/** The largest double has 309 digits before the point. */
const maxIntegerDigits = 309

/**
 * Whether a number in JSON text survives being parsed: it must not overflow, nor become zero. An integer (digits alone) must also
 * come out with the digits that went in. Fractions are rounded, as everywhere.
 */
export function isHeld(literal: string): boolean {
  return /[.eE]/.test(literal) ? isInRange(literal) : keepsDigits(literal.replace('-', ''))
}

function isInRange(literal: string): boolean {
  const value = Number(literal)
  if (value !== 0) return Number.isFinite(value)
  const [mantissa = ''] = literal.split(/e/i, 1)
  return !/[1-9]/.test(mantissa)
}

function keepsDigits(digits: string): boolean {
  if (digits.length > maxIntegerDigits) return false
  const significant = digits.replace(/0+$/, '')
  if (significant.length > maxDigits) return false
  const value = Number(digits)
  if (significant.length <= safeDigits) return Number.isFinite(value)
  const [mantissa = '', exponent] = value.toExponential().split('e+')
  return mantissa.replace('.', '') === significant && Number(exponent) === digits.length - 1
}
