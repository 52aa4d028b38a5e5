// The sandbox as a playground: its second factors outlast it, and its commands work when they are pasted.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, onTestFinished, test } from 'vitest'
import { renderDescription } from '../../../lab/sandbox/description.ts'
import type { Description } from '../../../lab/sandbox/description.ts'
import { readSecondFactors, showCode } from '../../../lab/sandbox/playground.ts'
import { oneTimeCode } from '../../../lab/sandbox/sts/second-factor.ts'
import { makeDirectory } from './world.ts'

const root = join(import.meta.dirname, '../../..')
const serial = 'arn:aws:iam::111111111111:mfa/holdfast-restorer'
const patienceMs = 120_000

test('keeps its second factors across restarts, in a file for its user alone', () => {
  const directory = makeDirectory()
  const secret = readSecondFactors(directory)(serial)
  expect(readSecondFactors(directory)(serial)).toEqual(secret)
  expect(readSecondFactors(directory)(`${serial}-2`)).not.toEqual(secret)
  expect(readSecondFactors(makeDirectory())(serial)).not.toEqual(secret)
  expect(statSync(join(directory, 'second-factors.json')).mode & 0o777).toBe(0o600)
  expect(showCode(directory, 'holdfast-restorer', 1_000)).toBe(oneTimeCode(secret, 1_000))
})

test('says what is wrong if the directory or the role has no second factor', () => {
  expect(() => showCode(makeDirectory(), 'holdfast-restorer', 0)).toThrow(
    expect.objectContaining({ code: 'not-found' }) as Error,
  )
})

test.runIf(process.platform === 'linux')(
  'the printed commands work when pasted: backup, code, login, restore',
  async () => {
    const directory = makeDirectory()
    const child = spawn(
      process.execPath,
      [
        '--disable-warning=ExperimentalWarning',
        join(root, 'lab/sandbox/main.ts'),
        '--json',
        '--dir',
        directory,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    const [line] = (await once(createInterface(child.stdout), 'line')) as [string]
    const { commands } = (JSON.parse(line) as Description).playground
    expect(commands).toHaveLength(5)
    const [environment, backup, code, login, restore] = commands.map(({ command }) => command)
    const state = makeDirectory()
    const paste = (command: string, input?: string) => {
      // `script` gives the command a terminal, as a person has.
      const lines = `${environment}\n${command}`
      const [program, ...options] =
        input === undefined ? ['sh', '-c', lines] : ['script', '-qec', lines, '/dev/null']
      const { status, stdout, stderr } = spawnSync(program, options, {
        cwd: root,
        encoding: 'utf8',
        timeout: patienceMs,
        ...(input === undefined ? {} : { input }),
        env: {
          PATH: process.env['PATH'],
          USER: 'someone',
          HOME: state,
          XDG_RUNTIME_DIR: state,
          SHELL: '/bin/sh',
        },
      })
      expect({ command, status, stderr: status === 0 ? '' : `${stdout}${stderr}` }).toEqual({
        command,
        status: 0,
        stderr: '',
      })
      return stdout
    }
    expect(paste(backup!)).toContain('Backed up ')
    const shown = paste(code!).trim()
    expect(shown).toMatch(/^\d{6}$/)
    expect(paste(login!, `${shown}\n`)).toContain('Signed in as ')
    expect(paste(restore!)).toContain('every byte checked by its hash')
    expect(readFileSync(join(directory, 'restored/README.md'))).toEqual(
      readFileSync(join(root, 'docs/README.md')),
    )
    child.kill('SIGTERM')
    expect(await once(child, 'exit')).toEqual([0, null])
  },
  4 * patienceMs,
)

test('what is not emulated is one line for each type', () => {
  const notEmulated = ['Queue', 'Topic', 'Queue'].map((type, index) => ({
    type: `aws:${type}`,
    name: `n${index}`,
    account: '111111111111',
  }))
  const rendered = renderDescription({
    endpoint: 'http://127.0.0.1:1',
    directory: '/d',
    playground: { vaultFile: '/d/vault.json', commands: [] },
    accounts: [],
    buckets: [],
    roles: [],
    notEmulated,
  })
  expect(rendered.split('not emulated here')[1]!.split('\n').slice(1, -1)).toEqual([
    '     2  aws:Queue',
    '     1  aws:Topic',
  ])
})
