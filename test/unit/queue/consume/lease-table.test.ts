import fc from 'fast-check'
import { expect, test } from 'vitest'
import { LeaseTable } from '../../../../src/queue/consume/lease-table.ts'

const lease = (n: number) => ({ queue: n % 3, id: `io_${'x'.repeat(n % 40)}${n}`, token: `token-${n}`, heldSince: n })

test('the other thread sees the leases that are held, and no others', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50), { maxLength: 60 }), (steps) => {
      const table = new LeaseTable(20)
      const other = new LeaseTable(table.buffer)
      const held = new Map<number, ReturnType<typeof lease>>()
      for (const [n, step] of steps.entries()) {
        const [slot] = [...held.keys()].slice(step % Math.max(1, held.size))
        if (step % 3 === 0 && slot !== undefined) {
          table.release(slot)
          held.delete(slot)
        } else {
          const taken = table.take(lease(n))
          expect(taken === undefined).toBe(held.size === 20)
          if (taken !== undefined) held.set(taken, lease(n))
        }
      }
      const seen = [...other.leases()].map(
        ({ slot, queue, id, token, heldSince }) => [slot, { queue, id, token, heldSince }] as const,
      )
      expect(new Map(seen)).toEqual(held)
    }),
  )
})

test('what the other thread learns of a lease is not taken for the next in its slot', () => {
  const table = new LeaseTable(1)
  const other = new LeaseTable(table.buffer)
  const slot = table.take(lease(1)) ?? 0
  const [first] = other.leases()
  if (!first) throw new Error('it is held')
  other.renewed(first, 100)
  expect(table.heldSince(slot)).toBe(100)
  table.release(slot)
  expect([...other.leases()]).toEqual([])
  expect(table.take(lease(2))).toBe(slot)
  other.renewed(first, 200)
  other.refuse(first)
  expect(table.heldSince(slot)).toBe(2)
  expect(table.isGone(slot)).toBe(false)
  const [second] = other.leases()
  if (second) other.refuse(second)
  expect(table.isGone(slot)).toBe(true)
  // It is not renewed any more.
  expect([...other.leases()]).toEqual([])
})

test('a lease that does not fit is not taken', () => {
  const table = new LeaseTable(1)
  expect(table.take({ ...lease(1), id: 'x'.repeat(200) })).toBeUndefined()
  expect(table.take(lease(1))).toBe(1)
  expect(table.take(lease(2))).toBeUndefined()
})
