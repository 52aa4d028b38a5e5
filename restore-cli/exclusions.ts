// The options with which `backup` leaves out a part of its directory.
import { Option } from 'commander'
import type { Command } from 'commander'
import { readTextFile } from '../blast-radius/text-file.ts'
import { HoldfastError } from '../core/errors.ts'
import type { ExcludeOptions } from '../engine/operations.ts'
import { repeatable } from './options.ts'

export interface ExcludeFlags {
  exclude: string[]
  excludeFile: string[]
  excludeCaches?: boolean
  oneFileSystem?: boolean
}

const maxFileBytes = 1024 * 1024

export function addExcludeOptions(command: Command): void {
  command
    .optionsGroup('What to leave out:')
    .addOption(
      repeatable(
        new Option(
          '--exclude <pattern>',
          'leave out what this pattern of .gitignore fits, relative to <dir>; can be repeated',
        ),
        'nothing',
      ),
    )
    .addOption(
      repeatable(
        new Option('--exclude-file <file>', 'a file of such patterns, one a line; can be repeated'),
        'none',
      ),
    )
    .option('--exclude-caches', 'leave out the content of directories with a CACHEDIR.TAG')
    .option('--one-file-system', 'leave out the content of file systems that are mounted below <dir>')
}

/**
 * @param directory to back up, as an absolute path.
 * @throws `not-found` or `invalid-input` for a file, or for a pattern that begins with the directory.
 */
export function readExclusions(flags: ExcludeFlags, directory: string): ExcludeOptions {
  // The last pattern that fits decides, so that the command line takes back what a file leaves out.
  const patterns = [...flags.excludeFile.flatMap(readPatterns), ...flags.exclude]
  const misplaced = patterns.find((pattern) => pattern.replace(/^!/, '').startsWith(`${directory}/`))
  if (misplaced !== undefined && directory !== '/') {
    const below = misplaced.replace(/^!/, '').slice(directory.length)
    throw new HoldfastError(
      'invalid-input',
      `the pattern ${JSON.stringify(misplaced)} fits nothing: patterns begin at ${directory}`,
      { hint: `write ${JSON.stringify(below)}` },
    )
  }
  return {
    patterns,
    caches: flags.excludeCaches ?? false,
    otherFileSystems: flags.oneFileSystem ?? false,
  }
}

function readPatterns(file: string): string[] {
  return readTextFile(file, { label: 'the list of patterns', maxBytes: maxFileBytes })
    .split(/\r?\n/)
    .map(withoutTrailingSpaces)
    .filter((line) => line !== '' && !line.startsWith('#'))
}

/** A space behind a backslash belongs to the name. */
function withoutTrailingSpaces(line: string): string {
  const text = line.trimEnd()
  const isEscaped = text.length < line.length && /(?<!\\)(?:\\\\)*\\$/.test(text)
  return isEscaped ? `${text} ` : text
}
