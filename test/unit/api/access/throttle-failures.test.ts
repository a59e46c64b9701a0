import { expect, test } from 'vitest'
import { FailureThrottle } from '../../../../src/api/access/throttle-failures.ts'

/** How many of 200 failures at `now` are not throttled. */
function allowed(throttle: FailureThrottle, address: string, now: number): number {
  return Array.from({ length: 200 }, () => throttle.fail(address, now)).filter((retryAfterS) => retryAfterS === 0)
    .length
}

test('an address has 100 failures at once, then one each second', () => {
  const throttle = new FailureThrottle()
  expect(allowed(throttle, '192.0.2.1', 0)).toBe(100)
  expect(throttle.fail('192.0.2.1', 200)).toBe(1)
  expect(allowed(throttle, '192.0.2.1', 5000)).toBe(5)
  expect(allowed(throttle, '192.0.2.1', 4000)).toBe(0)
  expect(allowed(throttle, '192.0.2.1', 3_600_000)).toBe(100)
  expect(allowed(throttle, '192.0.2.2', 0)).toBe(100)
})

test('an IPv6 address counts by its /64, a mapped IPv4 address as that address', () => {
  const throttle = new FailureThrottle()
  expect(allowed(throttle, '2001:db8:0:1::1', 0)).toBe(100)
  expect(allowed(throttle, '2001:db8:0:1:ffff:ffff:ffff:ffff', 0)).toBe(0)
  expect(allowed(throttle, '2001:db8:0:2::1', 0)).toBe(100)
  expect(allowed(throttle, 'fe80::1%eth0', 0)).toBe(100)
  expect(allowed(throttle, 'fe80::2', 0)).toBe(0)
  expect(allowed(throttle, '::ffff:192.0.2.1', 0)).toBe(100)
  expect(allowed(throttle, '192.0.2.1', 0)).toBe(0)
  expect(allowed(throttle, 'no address', 0)).toBe(100)
  expect(allowed(throttle, 'x'.repeat(10_000), 0)).toBe(0)
})

test('only the last 10,000 addresses are remembered', () => {
  const throttle = new FailureThrottle()
  expect(allowed(throttle, '192.0.2.1', 0)).toBe(100)
  for (let n = 0; n < 10_000; n++) throttle.fail(`10.0.${n >> 8}.${n & 255}`, 0)
  expect(allowed(throttle, '192.0.2.1', 0)).toBe(100)
})
