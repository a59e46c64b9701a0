/** The positional parameter of a command that takes one text. */
export const one = (placeholder: string, brief: string) =>
  ({ kind: 'tuple', parameters: [{ brief, placeholder, parse: String }] }) as const
