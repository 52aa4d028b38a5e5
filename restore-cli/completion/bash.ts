// The completion of bash, also of 3.2, which macOS has: without associative arrays, and without the package
// bash-completion.
import { allCommands, lastWord } from './completed-command.ts'
import type { CompletedCommand } from './completed-command.ts'
import { choicePatterns, quoted, valuePatterns, walkCases } from './shell-text.ts'

export function bashScript(bin: string, program: CompletedCommand): string {
  const choices = choicePatterns(program).map(
    ({ words, patterns }) => `    ${patterns}) words=${quoted(words.join(' '))} ;;`,
  )
  const commands = allCommands(program).map(({ name, options, subcommands, words }) => {
    const flags = options.flatMap(({ flags: both }) => both).join(' ')
    const names = [...words, ...subcommands.map(lastWord)].join(' ')
    return `    ${quoted(name)}) options=${quoted(flags)}; names=${quoted(names)} ;;`
  })
  return `_${bin}_completion() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local command='' words='' options='' names='' index
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$command \${COMP_WORDS[index]}" in
${walkCases(program)}
    esac
  done
  case "$command:$previous" in
${choices.join('\n')}
    # An empty reply: the shell completes paths.
    ${valuePatterns(program, (value) => value === 'path')}) return ;;
    ${valuePatterns(program, (value) => value === 'text')}) compopt +o default 2>/dev/null; return ;;
  esac
  case "$command" in
${commands.join('\n')}
  esac
  if [[ -z $words && $current == -* ]]; then words=$options
  elif [[ -z $words ]]; then words=$names
  fi
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _${bin}_completion ${bin}
`
}
