// The scripts in the shells themselves. bash is everywhere; zsh and fish are tried where they are installed.
import { spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { makeFolder, runCommand } from '../command-line.ts'

const scriptOf = async (shell: string): Promise<string> => {
  const { status, stdout, stderr } = await runCommand(['completion', shell])
  expect([status, stderr]).toEqual([0, ''])
  return stdout
}

const folder = makeFolder()

function runIn(shell: string, options: readonly string[], script: string): string {
  const file = join(folder, `script.${shell}`)
  writeFileSync(file, script)
  const { status, stdout, stderr } = spawnSync(shell, [...options, file], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'] ?? '', HOME: folder },
    timeout: 60_000,
  })
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
  return stdout
}

const isThere = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0

/** The words of each line, completed at its end. */
const completions: readonly [string, readonly string[], readonly string[]][] = [
  ['holdfast ba', ['backup'], ['restore']],
  ['holdfast --log-level debug sn', ['snapshots'], []],
  ['holdfast backup --so', ['--source', '--source-identity'], ['--snapshot']],
  ['holdfast backup --kind ', ['volume', 'postgres'], ['backup']],
  ['holdfast break-glass a', ['approve'], ['backup']],
  ['holdfast break-glass approve --js', ['--json'], ['--reason']],
  ['holdfast ls --log-level w', ['warning'], ['debug']],
  ['holdfast completion ', ['bash', 'zsh', 'fish'], ['backup']],
  ['holdfast verify --bucket ', [], ['backup', '--bucket']],
  ['restore --point', ['--point-in-time'], []],
]

describe('bash', async () => {
  const script = await scriptOf('bash')

  /** As bash does when the user presses the tabulator: it calls the function that `complete` named. */
  const complete = (line: string): string[] =>
    runIn(
      'bash',
      ['--noprofile', '--norc'],
      `${script}
COMP_WORDS=(${line}${line.endsWith(' ') ? " ''" : ''})
COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
[[ $(complete -p "\${COMP_WORDS[0]}") =~ -F\\ ([^ ]+) ]] || exit 9
"\${BASH_REMATCH[1]}"
printf '%s\\n' "\${COMPREPLY[@]}"
`,
    )
      .split('\n')
      .filter((word) => word !== '')

  test.each(completions)('%s', (line, present, absent) => {
    const words = complete(line)
    expect(words).toEqual(expect.arrayContaining([...present]))
    for (const word of absent) expect(words).not.toContain(word)
    expect(words.length > 0).toBe(present.length > 0)
  })

  test('every command is completed', async () => {
    const { stdout } = await runCommand(['--help'])
    const listed = Array.from(stdout.matchAll(/^ {2}([a-z][a-z-]+) {2,}/gm), ([, name]) => name!)
    expect(listed.length).toBeGreaterThan(20)
    expect(complete('holdfast ').sort()).toEqual(listed.sort())
  })

  test('a path is left to the shell', () => {
    expect(complete('holdfast ls --config ./')).toEqual([])
    expect(script).toContain('complete -o default -F _holdfast_completion holdfast')
  })
})

describe.runIf(isThere('zsh'))('zsh', async () => {
  const script = await scriptOf('zsh')

  /** zsh completes only at a terminal, so that this stands in for its own functions. */
  const complete = (line: string): string[] =>
    runIn(
      'zsh',
      ['-f'],
      `compdef() { :; }
compadd() { shift; print -rl -- "$@"; }
_files() { print -r -- FILES; }
_describe() { print -rl -- "\${(@P)@[-1]%%:*}"; }
${script}
words=(${line}${line.endsWith(' ') ? " ''" : ''})
CURRENT=\${#words}
PREFIX=\${words[CURRENT]}
_\${words[1]}_completion
`,
    ).split('\n')

  // zsh itself selects the words that begin as the user has typed.
  test.each(completions)('%s', (line, present) => {
    expect(complete(line)).toEqual(expect.arrayContaining([...present]))
  })

  test('an option that takes a file gets paths', () =>
    expect(complete('holdfast ls --config ')).toEqual(['FILES', '']))
})

describe.runIf(isThere('fish'))('fish', async () => {
  const script = await scriptOf('fish')
  const complete = (line: string): string[] =>
    runIn('fish', ['--no-config'], `${script}\ncomplete -C '${line}'\n`)
      .split('\n')
      .map((row) => row.split('\t')[0]!)

  test.each(completions)('%s', (line, present, absent) => {
    const words = complete(line)
    expect(words).toEqual(expect.arrayContaining([...present]))
    for (const word of absent) expect(words).not.toContain(word)
  })
})

test('another shell is wrong usage', async () => {
  expect(await runCommand(['completion', 'tcsh'])).toMatchObject({
    status: 2,
    stderr: expect.stringContaining('bash, zsh, fish') as string,
  })
})
