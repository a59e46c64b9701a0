import { generateHelpTextForAllCommands } from '@stricli/core'
import { buildApp } from '../../src/cli/app.ts'

/** The help of each command, as the program prints it. */
export const commandBlocks = {
  commands: () =>
    generateHelpTextForAllCommands(buildApp())
      .map(([command, help]) => `### ${command}\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\``)
      .join('\n\n'),
}
