/** The lines of an answer in NDJSON as they come, parsed; empty lines are left out. @throws when the server refuses, or breaks them off */
export async function* jsonLines<T>(url: string): AsyncGenerator<T, void, undefined> {
  const response = await fetch(url, { headers: { accept: 'application/x-ndjson' } })
  if (!response.ok || !response.body) throw new Error(`no lines: ${response.status}`)
  let text = ''
  for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
    text += chunk
    const lines = text.split('\n')
    text = lines.pop() ?? ''
    for (const line of lines) if (line !== '') yield JSON.parse(line)
  }
}
