import { buildCommand } from '@stricli/core'
import { shells } from './shells.ts'

/** `drover completion SHELL`: what the start file of a shell evaluates. */
export const completionCommand = buildCommand({
  loader: async () => (await import('./print-script.ts')).printScript,
  parameters: {
    positional: {
      kind: 'tuple',
      parameters: [
        {
          brief: 'bash, zsh or fish',
          placeholder: 'shell',
          parse(shell: string) {
            const known = shells.find((name) => name === shell)
            if (known === undefined) throw new SyntaxError('is one of bash, zsh, fish')
            return known
          },
          proposeCompletions: (partial: string) => shells.filter((name) => name.startsWith(partial)),
        },
      ],
    },
  },
  docs: {
    brief: 'Print the completion of a shell',
    fullDescription:
      'bash: eval "$(drover completion bash)" in ~/.bashrc. zsh: the same in ~/.zshrc, behind compinit. fish: drover completion fish | source. Job types and their flags come from the server.',
  },
})
