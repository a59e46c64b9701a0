import type { Key } from './model.ts'

let current: Key = { id: null, tenant: '', scopes: [] }

/** Whose key this tab has. The views are made anew when it becomes another. */
export const sessionKey = (): Key => current

export function setSessionKey(key: Key): void {
  current = key
}
