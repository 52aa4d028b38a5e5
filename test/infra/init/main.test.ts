import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it, onTestFinished } from 'vitest'

const main = join(import.meta.dirname, '../../../infra/init/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'holdfast-init-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const answers = [
  ...['--vaultAccountId', '111111111111', '--region', 'eu-central-1', '--productionDomains', 'none'],
  ...['--sources', 'db=https://issuer.example a s', '--alarmEmails', 'on-call@pager.example'],
  ...['--restorers', 'arn:aws:iam::111111111111:role/r', '--deployers', 'arn:aws:iam::111111111111:role/d'],
]

function init(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', main, ...options],
    { cwd: folder, encoding: 'utf8', input: '' },
  )
  return { status, stdout, stderr }
}

describe('npm run init without a terminal', () => {
  it('writes the file of the given answers, and prints the next commands', () => {
    const outcome = init('--file', 'a.json', '--json', ...answers)
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    const record = JSON.parse(outcome.stdout) as { file: string; nextSteps: string[] }
    expect(record.file).toBe('a.json')
    expect(record.nextSteps).toContain('npm run prove -- --config a.json')
    expect(JSON.parse(readFileSync(join(folder, 'a.json'), 'utf8'))).toMatchObject({
      formatVersion: 1,
      detached: true,
    })
  })

  it('refuses what is missing, and writes nothing', () => {
    const { status, stderr } = init('--file', 'b.json', ...answers.slice(2))
    expect({ status, stderr }).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('vaultAccountId: ') as string,
    })
    expect(readdirSync(folder).filter((name) => name.startsWith('b.json'))).toEqual([])
  })

  it('keeps a file that exists, and names the version of an older one', () => {
    for (const [content, message] of [
      ['{"formatVersion":1}', 'c.json exists'],
      ['{"formatVersion":0}', 'c.json has the version 0, and this program reads 1'],
    ] as const) {
      writeFileSync(join(folder, 'c.json'), content)
      const { stderr } = init('--file', 'c.json', ...answers)
      expect(stderr).toContain(message)
      expect(readFileSync(join(folder, 'c.json'), 'utf8')).toBe(content)
    }
  })
})

describe.runIf(process.platform === 'linux')('npm run init in a terminal', () => {
  it('asks again after a wrong answer, and leaves nothing when it is interrupted', async () => {
    // `script` gives it a terminal. An answer is typed when a prompt is there; the last one is Ctrl-C.
    const child = spawn(
      'script',
      [
        '-qec',
        `'${process.execPath}' --disable-warning=ExperimentalWarning '${main}' --file d.json; echo "status $?"`,
        '/dev/null',
      ],
      { cwd: folder, stdio: ['pipe', 'pipe', 'inherit'] },
    )
    onTestFinished(() => void child.kill('SIGKILL'))
    const typed = ['12\n', '111111111111\n', '\u0003']
    let shown = ''
    child.stdout.on('data', (data: Buffer) => {
      const prompts = shown.split('> ').length
      shown += data.toString()
      if (shown.split('> ').length > prompts) child.stdin.write(typed.shift() ?? '')
    })
    await once(child, 'close')
    expect(shown).toContain('vaultAccountId: set it to the twelve digits')
    expect(shown).toContain('Which account of AWS is production in?')
    expect(shown).toContain('interrupted: nothing was written')
    expect(shown).toContain('status 130')
    expect(readdirSync(folder).filter((name) => name.startsWith('d.json'))).toEqual([])
  }, 60_000)
})
