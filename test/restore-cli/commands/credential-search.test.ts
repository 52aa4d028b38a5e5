import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { invent, plantCredentials } from '../../blast-radius/search/planted.ts'
import { makeFolder, runCommand } from '../command-line.ts'
import type { Outcome } from '../command-line.ts'

const home = makeFolder()
const key = invent('baseline key', 40)

function write(folder: string, name: string, content: string | Uint8Array): string {
  const file = join(folder, name)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
  return file
}

function search(
  folder: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<Outcome> {
  return runCommand(['blast-radius', '--directory', folder, ...args], { env: { HOME: home, ...env } })
}

function password(name: string): string {
  return `DB_PASSWORD=${invent(name, 16)}\n`
}

describe('a baseline', () => {
  test('lets pass what is in it, and fails for what is new', async () => {
    const folder = makeFolder()
    const baseline = join(folder, 'baseline.json')
    write(folder, 'src/a.env', password('a'))
    expect(await search(folder, ['--write-baseline', baseline])).toMatchObject({ status: 0, stderr: '' })
    expect(await search(folder, ['--baseline', baseline])).toMatchObject({ status: 0, stderr: '' })
    write(folder, 'src/b.env', password('b'))
    const outcome = await search(folder, ['--baseline', baseline])
    expect(outcome.status).toBe(14)
    expect(outcome.stdout).toContain('src/b.env:1')
    expect(outcome.stdout).not.toContain('src/a.env')
    expect(outcome.stdout).toContain('1 new credential found; 1 in the baseline; ')
    const records = (await search(folder, ['--baseline', baseline, '--json'])).records()
    expect(records.map(({ isKnown, known: knownCount }) => isKnown ?? knownCount)).toEqual([true, false, 1])
  })

  test('holds no value, with and without a key', async () => {
    const folder = makeFolder()
    const planted = plantCredentials()
    for (const { file, text } of planted) write(folder, file, text)
    for (const env of [{}, { HOLDFAST_BASELINE_KEY: key }]) {
      await search(folder, ['--write-baseline', join(home, 'baseline.json')], env)
      const text = readFileSync(join(home, 'baseline.json'), 'utf8')
      for (const value of [key, ...planted.flatMap(({ values }) => values)]) expect(text).not.toContain(value)
    }
  })

  test('with a key fails for a value that took the place of another, and without or with another key is not used', async () => {
    const folder = makeFolder()
    const baseline = join(home, 'keyed.json')
    write(folder, 'a.env', password('before'))
    const withKey = { HOLDFAST_BASELINE_KEY: key }
    await search(folder, ['--write-baseline', baseline], withKey)
    expect(await search(folder, ['--baseline', baseline], withKey)).toMatchObject({ status: 0 })
    write(folder, 'a.env', password('after'))
    expect(await search(folder, ['--baseline', baseline], withKey)).toMatchObject({ status: 14 })
    for (const [env, says] of [
      [{}, 'needs the key'],
      [{ HOLDFAST_BASELINE_KEY: invent('another', 40) }, 'another key'],
      [{ HOLDFAST_BASELINE_KEY: 'short' }, 'fewer than 32'],
    ] as const) {
      const outcome = await search(folder, ['--baseline', baseline], env)
      expect(outcome).toMatchObject({ status: 2, stdout: '' })
      expect(outcome.stderr).toContain(says)
    }
  })

  test('is not written of a part, nor read from what is none', async () => {
    const folder = makeFolder()
    for (const name of ['a', 'b', 'c']) write(folder, name, password(name))
    const baseline = join(home, 'part.json')
    expect(await search(folder, ['--write-baseline', baseline, '--max-entries', '2'])).toMatchObject({
      status: 3,
    })
    expect(() => readFileSync(baseline)).toThrow('ENOENT')
    expect(await search(folder, ['--baseline', write(home, 'none.json', '{"findings": []}')])).toMatchObject({
      status: 2,
    })
    expect(await search(folder, ['--baseline', baseline])).toMatchObject({ status: 5 })
    expect(await search(folder, ['--write-baseline', join(home, 'absent/b.json')])).toMatchObject({
      status: 11,
    })
  })
})

describe('silenced are', () => {
  test('patterns of .gitignore, and what a comment allows, which is counted', async () => {
    const folder = makeFolder()
    write(folder, 'test/fixtures/a.env', password('fixture'))
    write(folder, 'b.sample', password('sample'))
    write(folder, 'c.env', `# holdfast:allow a throwaway database\n${password('allowed')}`)
    const outcome = await search(folder, ['--exclude', 'test/fixtures/', '--exclude', '*.sample'])
    expect(outcome).toMatchObject({ status: 0, stderr: '' })
    expect(outcome.stdout).toContain('0 credentials found; 1 allowed by a comment; 1 file')
  })
})

describe('a report for code scanning', () => {
  test('is SARIF, with location, kind and remedy, and no value', async () => {
    const folder = makeFolder()
    const planted = plantCredentials()
    for (const { file, text } of planted) write(folder, `a b/${file}`, text)
    const sarif = join(home, 'report.sarif')
    expect(await search(folder, ['--sarif', sarif])).toMatchObject({ status: 14 })
    const text = readFileSync(sarif, 'utf8')
    for (const value of planted.flatMap(({ values }) => values)) expect(text).not.toContain(value)
    const log = JSON.parse(text) as SarifLog
    expect(log).toMatchObject({ version: '2.1.0', runs: [{ tool: { driver: { name: 'Holdfast' } } }] })
    const { results, tool } = log.runs[0]!
    expect(results.length).toBeGreaterThanOrEqual(planted.length)
    const railway = results.find(({ locations }) =>
      locations[0]!.physicalLocation.artifactLocation.uri.endsWith('/a%20b/domains.sh'),
    )!
    expect(railway).toMatchObject({ ruleId: 'railway', level: 'error', baselineState: 'new' })
    expect(railway.locations[0]!.physicalLocation.region).toEqual({ startLine: 3 })
    expect(railway.message.text).toContain('no scopes')
    expect(tool.driver.rules[railway.ruleIndex]!.id).toBe('railway')
    const fingerprints = results.map(({ partialFingerprints }) => partialFingerprints['holdfastLocation/v1'])
    expect(new Set(fingerprints).size).toBe(results.length)
  })
})

interface SarifLog {
  runs: {
    tool: { driver: { rules: { id: string }[] } }
    results: {
      ruleId: string
      ruleIndex: number
      message: { text: string }
      locations: { physicalLocation: { artifactLocation: { uri: string }; region: object } }[]
      partialFingerprints: Record<string, string>
    }[]
  }[]
}

describe('hostile input ends in a finding, a counted skip or a message', () => {
  test('a file of 10 GiB on one line, a loop of links, a pipe, UTF-16, broken documents', async () => {
    const folder = makeFolder()
    truncateSync(write(folder, 'zeros.log', ''), 10 * 1024 ** 3)
    // Sparse, too, but with text at its beginning.
    truncateSync(write(folder, 'line.log', 'x'.repeat(10_000)), 10 * 1024 ** 3)
    symlinkSync('.', join(folder, 'loop'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    write(folder, 'wide.env', Buffer.from(`\ufeff${password('wide')}`, 'utf16le'))
    write(folder, 'marked.env', `\ufeff${password('marked')}`)
    write(folder, 'broken.yaml', `a: [\n{{ template }}\n  password: ${invent('broken', 16)}\n`)
    write(folder, 'truncated.json', `{"db": {"password": "${invent('truncated', 16)}", "host": "d`)
    write(folder, 'nested.json', '['.repeat(100_000))
    write(folder, 'nested.yaml', `password: ${'['.repeat(100_000)}`)
    write(folder, 'nested.toml', `password = ${'['.repeat(100_000)}`)
    const outcome = await search(folder, ['--json'])
    expect(outcome.status).toBe(14)
    expect(outcome.stderr).not.toMatch(/ at .*\.ts:/)
    const credentials = outcome.records().filter(({ type }) => type === 'credential')
    expect(
      credentials.map(({ place }) => (place as { path: string }).path.slice(folder.length + 1)).sort(),
    ).toEqual(['broken.yaml', 'marked.env', 'truncated.json', 'wide.env'])
    expect(outcome.records().at(-1)).toMatchObject({
      skippedCounts: { binary: 1, 'too-large': 1, link: 1 },
    })
  })

  test('a file that fails when it is read is named, and is no all-clear', async () => {
    const outcome = await search('/proc/self/mem')
    expect(outcome.status).toBe(3)
    expect(outcome.stdout).toMatch(/Left out: 1 could not be read\n {4}\/proc\/\d+\/mem \(EIO\)/)
    expect(outcome.stderr).toContain('1 file or directory could not be read')
  })

  test.each([
    ['YAML', 'Version: 2012-10-17\nStatement: []\n', 2],
    ['truncated', '{"Version": "2012-10-17", "Statement": [', 2],
    ['in UTF-16', Buffer.from('\ufeff{"Version": "2012-10-17", "Statement": []}', 'utf16le'), 0],
    ['with a byte order mark', '\ufeff{"Version": "2012-10-17", "Statement": []}', 0],
  ])('a policy that is %s', async (_form, content, status) => {
    const outcome = await runCommand(['blast-radius', '--policy', write(home, 'policy.json', content)])
    expect(outcome.status).toBe(status)
    if (status !== 0)
      expect(outcome.stderr).toMatch(/^holdfast: the policy .*policy\.json is not JSON\nhint: /)
  })
})
