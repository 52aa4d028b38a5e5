import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { credentialLocations } from '../../../blast-radius/search/credential-locations.ts'
import { defaultLimits, searchCredentials } from '../../../blast-radius/search/search.ts'
import type { SearchLimits, SearchResult, SearchTask } from '../../../blast-radius/search/search.ts'
import { FileReader } from '../../../blast-radius/search/file-reader.ts'
import { makeFolder } from '../../restore-cli/command-line.ts'
import { invent, plantCredentials } from './planted.ts'

const signal = new AbortController().signal

function search(
  roots: string[],
  changes: Partial<Omit<SearchTask, 'limits'>> = {},
  limits: Partial<SearchLimits> = {},
): Promise<SearchResult> {
  return searchCredentials({
    roots,
    locations: [],
    environment: {},
    signal,
    ...changes,
    limits: { ...defaultLimits, ...limits },
  })
}

function write(folder: string, name: string, content: string | Buffer): string {
  const path = join(folder, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, content)
  return path
}

function token(name: string): string {
  return `${['gh', 'p_'].join('')}${invent(name, 36)}`
}

describe('a directory', () => {
  const folder = makeFolder()
  const planted = plantCredentials()
  let result: SearchResult

  beforeAll(async () => {
    for (const { file, text } of planted) write(folder, `deep/er/${file}`, text)
    result = await search([folder])
  })

  test('is searched to the bottom: each credential once, by file and line', () => {
    const locations = result.findings.map(({ kind, location }) =>
      location.type === 'file' ? `${location.path.slice(folder.length)} ${location.line} ${kind}` : '',
    )
    expect(locations.filter((location) => !location.includes('/sso.json')).sort()).toEqual(
      planted
        .filter(({ file }) => file !== 'sso.json')
        .map(({ file, line, kind }) => `/deep/er/${file} ${line} ${kind}`)
        .sort(),
    )
    expect(locations.filter((location) => location === '/deep/er/sso.json 1 aws-sso')).toHaveLength(2)
    expect(result).toMatchObject({ files: planted.length, skipped: [], skippedCounts: {} })
  })

  test('leaves no value in what is told', () => {
    const output = JSON.stringify(result)
    for (const value of planted.flatMap(({ values }) => values)) expect(output).not.toContain(value)
  })

  test('tells when a session ends', () => {
    const ends = result.findings
      .filter(({ expiresMs }) => expiresMs !== null)
      .map(({ kind, expiresMs }) => [kind, new Date(expiresMs!).toISOString()])
    expect(ends).toEqual([
      ['aws-session', '2020-01-01T00:00:00.000Z'],
      ['aws-sso', '2099-01-01T00:00:00.000Z'],
    ])
  })
})

describe('what is hostile', () => {
  test('a link is not followed, a loop of them ends, and both are counted', async () => {
    const folder = makeFolder()
    const outside = makeFolder()
    write(outside, 'token', token('outside'))
    symlinkSync(outside, join(folder, 'out'))
    symlinkSync(folder, join(folder, 'loop'))
    expect(await search([folder])).toMatchObject({ findings: [], files: 0, skippedCounts: { link: 2 } })
  })

  test('a directory that is named by a link is searched', async () => {
    const folder = makeFolder()
    write(folder, 'real/token', token('real'))
    symlinkSync('real', join(folder, 'named'))
    expect((await search([join(folder, 'named')])).findings).toMatchObject([{ kind: 'github' }])
  })

  test('a pipe is not waited for', async () => {
    const folder = makeFolder()
    execFileSync('mkfifo', [join(folder, 'pipe')])
    expect(await search([folder])).toMatchObject({ findings: [], files: 0 })
    expect(await search([join(folder, 'pipe')])).toMatchObject({ findings: [], files: 0 })
  })

  test('a file above the limit is named, not read', async () => {
    const folder = makeFolder()
    const large = write(folder, 'large', `${'a\n'.repeat(1000)}${token('large')}`)
    expect(await search([folder], {}, { maxFileBytes: 1000 })).toMatchObject({
      findings: [],
      skipped: [{ path: large, reason: 'too-large', detail: null }],
      skippedCounts: { 'too-large': 1 },
    })
    expect((await search([folder])).findings).toMatchObject([{ location: { line: 1001 } }])
  })

  test('bytes that are no text, and text that is no UTF-8', async () => {
    const folder = makeFolder()
    write(folder, 'binary', Buffer.from(`\0\0${token('binary')}`))
    write(
      folder,
      'broken',
      Buffer.concat([Buffer.from([0xff, 0xc3, 0x0a, 0xf0, 0x0a]), Buffer.from(token('broken'))]),
    )
    write(folder, 'utf16', Buffer.from(`\ufeffx\n${token('wide')}\n`, 'utf16le'))
    const { findings, files, skippedCounts } = await search([folder])
    expect(findings.map(({ location }) => location)).toEqual([
      { type: 'file', path: join(folder, 'broken'), line: 3 },
      { type: 'file', path: join(folder, 'utf16'), line: 2 },
    ])
    expect({ files, skippedCounts }).toEqual({ files: 2, skippedCounts: { binary: 1 } })
  })

  test('names that steer a terminal, are no UTF-8, or hold a credential', async () => {
    const folder = makeFolder()
    const secret = token('name')
    write(folder, `evil\u001b[2J/${secret}`, token('inside'))
    writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x6e, 0xff])]), token('bytes'))
    const { findings } = await search([folder])
    expect(findings.map(({ location }) => (location as { path: string }).path)).toEqual([
      `${folder}/n\\xff`,
      `${folder}/evil\\x1b[2J/…`,
    ])
    expect(JSON.stringify(findings)).not.toContain(secret)
  })

  test('more entries, levels and findings than the limits allow', async () => {
    const folder = makeFolder()
    for (let index = 0; index < 20; index++)
      write(folder, `${'d/'.repeat(index % 4)}f${index}`, token(`many ${index}`))
    const few = await search([folder], {}, { maxEntries: 5 })
    expect(few.skippedCounts).toEqual({ 'too-many-entries': 1 })
    expect(few.files).toBeLessThanOrEqual(5)
    const flat = await search([folder], {}, { maxDepth: 1 })
    expect(flat).toMatchObject({ files: 10, skippedCounts: { 'too-deep': 1 } })
    expect(await search([folder], {}, { maxFindings: 3 })).toMatchObject({
      findings: { length: 3 },
      skippedCounts: { 'too-many-findings': 17 },
    })
  })

  test('two names of one file are one credential', async () => {
    const folder = makeFolder()
    const first = write(folder, 'a', token('linked'))
    linkSync(first, join(folder, 'b'))
    expect((await search([folder, folder])).findings).toHaveLength(1)
  })

  test("what can't be read is listed, and the rest is searched", async () => {
    const folder = makeFolder()
    const locked = write(folder, 'locked/token', token('locked'))
    write(folder, 'open', token('open'))
    chmodSync(dirname(locked), 0)
    // Root reads everything: then a file that goes away in between stands for one that can't be read.
    const result = await search([folder, join(folder, 'absent')])
    expect(
      result.findings.some(({ location }) => (location as { path: string }).path.endsWith('/open')),
    ).toBe(true)
    expect(result.skipped).toContainEqual({
      path: join(folder, 'absent'),
      reason: 'not-found',
      detail: 'ENOENT',
    })
    if (process.getuid?.() !== 0)
      expect(result.skipped).toContainEqual({ path: dirname(locked), reason: 'unreadable', detail: 'EACCES' })
    chmodSync(dirname(locked), 0o700)
  })

  test('a file that is shorter than its size says, or gone since it was listed, has changed', async () => {
    // The kernel states a page as the size of each of these files.
    expect(await search(['/sys/devices/system/cpu/possible'])).toMatchObject({
      files: 1,
      skippedCounts: { changed: 1 },
    })
    expect(new FileReader(1000).read(Buffer.from(join(makeFolder(), 'gone')))).toEqual({
      reason: 'changed',
      detail: 'ENOENT',
    })
  })

  test('an interruption ends it', async () => {
    const stopped = AbortSignal.abort(new Error('stopped'))
    await expect(search([makeFolder()], { signal: stopped })).rejects.toThrow('stopped')
  })
})

describe('left out are', () => {
  test("directories by name, and git's packed objects", async () => {
    const folder = makeFolder()
    for (const name of ['node_modules/a', '.git/objects/a', '.git/config', 'src/a'])
      write(folder, name, token(name))
    const { findings } = await search([folder], {}, { exclude: ['node_modules'] })
    expect(
      findings.map(({ location }) => (location as { path: string }).path.slice(folder.length + 1)),
    ).toEqual(['.git/config', 'src/a'])
  })
})

describe('the environment', () => {
  test('is searched by name, a key and its secret together', async () => {
    const secret = invent('env', 40)
    const environment = {
      AWS_ACCESS_KEY_ID: ['AK', 'IARZPUZDIKGB2VALC4'].join(''),
      PATH: '/bin',
      AWS_SECRET_ACCESS_KEY: secret,
      DEPLOY_TOKEN: invent('deploy', 30),
      HOME: '/root',
      EMPTY_TOKEN: '',
      GONE: undefined,
    }
    const { findings } = await search([], { environment })
    expect(
      findings.map(({ kind, location, owner }) => [kind, (location as { name: string }).name, owner]),
    ).toEqual([
      ['aws-key', 'AWS_SECRET_ACCESS_KEY', 'account 123456789012'],
      ['unknown', 'DEPLOY_TOKEN', null],
    ])
    expect(JSON.stringify(findings)).not.toContain(secret)
  })
})

describe('the places where tools keep credentials', () => {
  test('are below the home directory, and where variables say', () => {
    const locations = credentialLocations('/home/me', {
      KUBECONFIG: '/a:/b',
      AWS_SHARED_CREDENTIALS_FILE: '/c',
    })
    expect(locations).toEqual(
      expect.arrayContaining([
        '/home/me/.aws/credentials',
        '/home/me/.aws/sso/cache',
        '/home/me/.pgpass',
        '/a',
        '/b',
        '/c',
      ]),
    )
    expect(credentialLocations(null, {})).toEqual([])
  })

  test('are searched where they are, and not missed where they are not', async () => {
    const home = makeFolder()
    const [aws] = plantCredentials()
    write(home, '.aws/credentials', aws!.text)
    const result = await search([], { locations: credentialLocations(home, {}) })
    expect(result.findings).toMatchObject([
      { kind: 'aws-key', location: { path: join(home, '.aws/credentials'), line: 4 } },
    ])
    expect(result.skippedCounts).toEqual({})
  })
})
