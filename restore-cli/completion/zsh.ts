// The completion of zsh, for `source <(holdfast completion zsh)` after compinit.
import { allCommands, lastWord } from './completed-command.ts'
import type { CompletedCommand } from './completed-command.ts'
import { choicePatterns, quoted, valuePatterns, walkCases } from './shell-text.ts'

export function zshScript(bin: string, program: CompletedCommand): string {
  const choices = choicePatterns(program).map(
    ({ words, patterns }) => `    ${patterns}) compadd -- ${words.map(quoted).join(' ')}; return ;;`,
  )
  const commands = allCommands(program).map((command) => {
    const options = command.options.flatMap(({ flags, description }) =>
      flags.map((flag) => described(flag, description)),
    )
    const names = [
      ...command.words.map(quoted),
      ...command.subcommands.map((inner) => described(lastWord(inner), inner.summary)),
    ]
    return `    ${quoted(command.name)}) options=(${options.join(' ')}); names=(${names.join(' ')}) ;;`
  })
  return `_${bin}_completion() {
  local command='' index
  local -a options names
  for ((index = 2; index < CURRENT; index++)); do
    case "$command $words[index]" in
${walkCases(program)}
    esac
  done
  case "$command:$words[CURRENT-1]" in
${choices.join('\n')}
    ${valuePatterns(program, (value) => value === 'path')}) _files; return ;;
    ${valuePatterns(program, (value) => value === 'text')}) return ;;
  esac
  case "$command" in
${commands.join('\n')}
  esac
  if [[ $PREFIX == -* ]]; then _describe -o option options
  elif (( $#names )); then _describe command names
  else _files
  fi
}
compdef _${bin}_completion ${bin}
`
}

/** `_describe` takes `name:description`. */
function described(name: string, description: string): string {
  return quoted(`${name}:${description.replaceAll(':', '\\:')}`)
}
