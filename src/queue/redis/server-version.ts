/** The oldest Redis that Drover runs on: its scripts number events by `XADD key 0-*`, which older servers refuse. */
export const oldestRedis = { major: 7, minor: 0, text: '7.0' }

/** Whether a version such as `6.2.14` is older than {@link oldestRedis}. False for text that is not a version. */
export function isTooOld(version: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? []
  if (major === undefined) return false
  return (Number(major) - oldestRedis.major || Number(minor) - oldestRedis.minor) < 0
}

/**
 * The version in a server's reply to INFO. Valkey, which counts its own versions from 7.2 on, reports there the version of
 * Redis that it is compatible with (7.2.4).
 */
export function versionOf(info: string): string | undefined {
  return /^redis_version:(\S+)/m.exec(info)?.[1]
}
