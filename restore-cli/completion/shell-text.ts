import { allCommands } from './completed-command.ts'
import type { CompletedCommand } from './completed-command.ts'

/** One word of any of the three shells. The texts are the program's own. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/** The lines of a `case` that follows the words of the command line into the command that they name. */
export function walkCases(program: CompletedCommand): string {
  return allCommands(program)
    .filter(({ name }) => name !== '')
    .map(({ name }) => `      ${quoted(name.includes(' ') ? name : ` ${name}`)}) command=${quoted(name)} ;;`)
    .join('\n')
}

/** For the `case` of `COMMAND:PREVIOUS WORD`: the patterns of options with a value of this kind. */
export function valuePatterns(
  program: CompletedCommand,
  isOf: (value: CompletedCommand['options'][number]['value']) => boolean,
): string {
  return allCommands(program)
    .flatMap(({ name, options }) =>
      options
        .filter(({ value }) => isOf(value))
        .flatMap(({ flags }) => flags.map((flag) => `${name}:${flag}`)),
    )
    .map(quoted)
    .join(' | ')
}

/** Each set of words that options of `program` take, with the patterns of these options. */
export function choicePatterns(program: CompletedCommand): { words: readonly string[]; patterns: string }[] {
  const values = allCommands(program).flatMap(({ options }) => options.map(({ value }) => value))
  const sets = new Map(values.filter(isChoice).map((words) => [words.join(' '), words]))
  return [...sets].map(([key, words]) => ({
    words,
    patterns: valuePatterns(program, (value) => isChoice(value) && value.join(' ') === key),
  }))
}

function isChoice(value: CompletedCommand['options'][number]['value']): value is readonly string[] {
  return typeof value !== 'string'
}
