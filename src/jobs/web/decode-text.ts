import { takeTurn } from './turns.ts'

/** Bytes of a legacy encoding that are decoded at a stretch: a few ms. */
const sliceBytes = 64 * 1024

/**
 * Decodes as "decode" of the Encoding Standard: a byte order mark takes precedence, then `label`. An unknown label is read as UTF-8, and
 * invalid bytes become U+FFFD. Other jobs get a turn meanwhile.
 *
 * @throws the signal's reason when it is aborted
 */
export async function decodeText(bytes: Uint8Array, label: string, signal: AbortSignal): Promise<string> {
  const { getBOMEncoding, labelToName, TextDecoder: LegacyDecoder } = await import('@exodus/bytes/encoding.js')
  const name = labelToName(getBOMEncoding(bytes) ?? label)?.toLowerCase() ?? 'utf-8'
  // Browsers show one U+FFFD for a page in an encoding that is unsafe to decode.
  if (name === 'replacement') return '\ufffd'
  let until = bytes.length > sliceBytes ? await takeTurn(signal) : Infinity
  // Native, and fast: about 1 ms for each megabyte.
  if (name === 'utf-8') return new TextDecoder().decode(bytes)
  const decoder = new LegacyDecoder(name)
  const pieces: string[] = []
  for (let at = 0; at < bytes.length; at += sliceBytes) {
    if (performance.now() > until) until = await takeTurn(signal)
    pieces.push(decoder.decode(bytes.subarray(at, at + sliceBytes), { stream: true }))
  }
  return pieces.join('') + decoder.decode()
}
