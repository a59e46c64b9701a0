/** The keys file that a command works on, or undefined if neither the flag nor API_KEYS_FILE names one. */
export const keysPath = (file: string | undefined): string | undefined =>
  file ?? (process.env['API_KEYS_FILE'] || undefined)

export const noKeysFile = 'name the keys file: --file, or API_KEYS_FILE'
