// The words that a shell can complete, read from the declared commands. The scripts of the shells are made of them.
import type { Argument, Command, Option } from 'commander'

export interface CompletedOption {
  /** `-q`, `--quiet`. */
  flags: readonly string[]
  description: string
  /** The value that follows: nothing, one of the words, a path, or a text that only the user knows. */
  value: 'none' | 'path' | 'text' | readonly string[]
}

export interface CompletedCommand {
  /** The words after the program's name: `break-glass approve`; empty for the program itself. */
  name: string
  summary: string
  options: readonly CompletedOption[]
  subcommands: readonly CompletedCommand[]
  /** Words that its first argument may be. */
  words: readonly string[]
  takesPaths: boolean
}

const pathName = /^(?:dir|file|path|paths)$/

/** @param path the words that lead to `command`. */
export function completedCommand(command: Command, path: readonly string[] = []): CompletedCommand {
  const inherited = parentsOf(command).flatMap(({ options }) => options)
  return {
    name: path.join(' '),
    summary: command.summary() || command.description(),
    options: [...command.options, ...inherited, helpOption].filter(isFirst).map(completedOption),
    subcommands: command.commands.map((inner) => completedCommand(inner, [...path, inner.name()])),
    words: command.registeredArguments[0]?.argChoices ?? [],
    takesPaths: command.registeredArguments.some((argument) => pathName.test(argument.name())),
  }
}

/** The command with all that it holds. */
export function allCommands(command: CompletedCommand): CompletedCommand[] {
  return [command, ...command.subcommands.flatMap(allCommands)]
}

export function lastWord({ name }: CompletedCommand): string {
  return name.split(' ').at(-1) ?? ''
}

type Described = Pick<Option, 'short' | 'long' | 'description' | 'required' | 'optional' | 'flags'> & {
  argChoices?: Argument['argChoices']
}

/** Commander declares it by itself, outside the list of options. */
const helpOption: Described = {
  short: '-h',
  long: '--help',
  flags: '-h, --help',
  description: 'show this help',
  required: false,
  optional: false,
}

function isFirst(option: Described, index: number, options: readonly Described[]): boolean {
  return options.findIndex(({ long }) => long === option.long) === index
}

function parentsOf({ parent }: Command): Command[] {
  return parent === null ? [] : [parent, ...parentsOf(parent)]
}

function completedOption(option: Described): CompletedOption {
  const { short, long, description, required, optional, argChoices, flags } = option
  const takesValue = required || optional
  const valueName = /[<[]([a-z-]+)/.exec(flags)?.[1] ?? ''
  return {
    flags: [short, long].filter((flag) => flag !== undefined && flag !== null),
    description,
    value: !takesValue ? 'none' : (argChoices ?? (pathName.test(valueName) ? 'path' : 'text')),
  }
}
