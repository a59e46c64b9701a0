import { expect, test } from 'vitest'
import { parseKeysFile } from '../../../../src/api/access/keys-file.ts'

test('a byte order mark at the start of a keys file is ignored', () => {
  expect(parseKeysFile('\uFEFF{ "keys": [] }')).toEqual({ keys: [], tenants: {} })
})
