// The completion of fish, for `holdfast completion fish | source`.
import { allCommands, lastWord } from './completed-command.ts'
import type { CompletedCommand, CompletedOption } from './completed-command.ts'
import { quoted } from './shell-text.ts'

export function fishScript(bin: string, program: CompletedCommand): string {
  const lines = allCommands(program).flatMap((command) => {
    const start = `complete -c ${bin} -n ${quoted(conditionOf(command, program))}`
    return [
      ...command.subcommands.map(
        (inner) => `${start} -f -a ${quoted(lastWord(inner))} -d ${quoted(inner.summary)}`,
      ),
      ...(command.words.length > 0 ? [`${start} -f -a ${quoted(command.words.join(' '))}`] : []),
      ...(command.takesPaths ? [`${start} -F`] : []),
      ...command.options.map((option) => `${start} ${optionText(option)} -d ${quoted(option.description)}`),
    ]
  })
  return `complete -c ${bin} -f\n${lines.join('\n')}\n`
}

/** True where the command line names this command, and none that it holds. */
function conditionOf(command: CompletedCommand, program: CompletedCommand): string {
  const inner = command.subcommands.map(lastWord)
  const seen = command.name.split(' ').filter((word) => word !== '')
  const parts = [
    ...seen.map((word) => `__fish_seen_subcommand_from ${word}`),
    ...(inner.length > 0 ? [`not __fish_seen_subcommand_from ${inner.join(' ')}`] : []),
  ]
  return parts.length === 0 || (command === program && inner.length === 0) ? 'true' : parts.join('; and ')
}

function optionText({ flags, value }: CompletedOption): string {
  const names = flags.map((flag) => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`))
  const values =
    value === 'none'
      ? ''
      : value === 'path'
        ? ' -r -F'
        : value === 'text'
          ? ' -x'
          : ` -x -a ${quoted(value.join(' '))}`
  return `${names.join(' ')}${values}`
}
