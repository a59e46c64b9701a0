import type { Shell } from './shells.ts'

// Each calls `drover __complete WORD …`, which prints a proposal in a line, with a tab before its description.

const scripts: Record<Shell, string> = {
  bash: `_drover() {
  local words=("\${COMP_WORDS[@]:1:COMP_CWORD}")
  local line
  COMPREPLY=()
  while IFS= read -r line; do COMPREPLY+=("\${line%%$'\\t'*}"); done < <(drover __complete "\${words[@]}" 2>/dev/null)
}
complete -o default -F _drover drover
`,
  zsh: `_drover() {
  local -a proposals
  local line
  while IFS= read -r line; do
    line=\${line//:/\\\\:}
    proposals+=("\${line/$'\\t'/:}")
  done < <(drover __complete "\${(@)words[2,CURRENT]}" 2>/dev/null)
  if (( \${#proposals} )); then _describe drover proposals; else _files; fi
}
compdef _drover drover
`,
  fish: `function __drover_complete
  set -l words (commandline -opc) (commandline -ct)
  drover __complete $words[2..-1] 2>/dev/null
end
complete -c drover -a '(__drover_complete)'
`,
}

/** Prints what makes a shell complete commands, flags and job types. */
export async function printScript(_: object, shell: Shell): Promise<void> {
  process.stdout.write(scripts[shell])
}
