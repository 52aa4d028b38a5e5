// `holdfast completion`: prints a script that makes a shell complete commands, options and their values.
import { Argument } from 'commander'
import type { Command } from 'commander'
import { bashScript } from '../completion/bash.ts'
import { completedCommand } from '../completion/completed-command.ts'
import { fishScript } from '../completion/fish.ts'
import { zshScript } from '../completion/zsh.ts'
import type { Invocation } from '../invocation.ts'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const
type Shell = keyof typeof scripts

/** Its parent declares all commands, because the script completes them all. */
export function declare(command: Command, { stdout }: Invocation): void {
  command
    .description('Print a script that makes a shell complete the commands, options and values of Holdfast.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(scripts)))
    .addHelpText(
      'after',
      `
Examples:
  source <(holdfast completion bash)      in ~/.bashrc
  source <(holdfast completion zsh)       in ~/.zshrc, after compinit
  holdfast completion fish | source       in ~/.config/fish/config.fish

The script also completes the command \`restore\`. It starts no process while you type.
`,
    )
    .action((shell: Shell) => {
      const program = completedCommand(command.parent!)
      const restore = program.subcommands.find(({ name }) => name === 'restore')!
      stdout.write(scripts[shell]('holdfast', program) + scripts[shell]('restore', { ...restore, name: '' }))
    })
}
