import { execFileSync } from 'node:child_process'
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { BackupOptions, BackupResult, ExcludeOptions } from '../../../engine/operations.ts'
import { describeDirectory } from '../../fixtures/directory-description.ts'
import { ProtectedSource } from '../../fixtures/protected-source.ts'

const signature = 'Signature: 8a477f597d28d172789f06886806bc55\n# any text'
const isRoot = process.getuid?.() === 0

function makeSource(files: Record<string, string>): ProtectedSource {
  const source = new ProtectedSource()
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(source.directory, name)), { recursive: true })
    writeFileSync(join(source.directory, name), content)
  }
  return source
}

/** The paths of the newest snapshot's restore. */
async function restored(source: ProtectedSource): Promise<string[]> {
  const { target } = await source.restore()
  return Object.keys(describeDirectory(target)).filter((path) => path !== '' && path !== '.')
}

async function backUp(
  source: ProtectedSource,
  exclude: ExcludeOptions,
  overrides: Partial<BackupOptions> = {},
): Promise<BackupResult & { paths: string[] }> {
  const result = await source.backup({ exclude, ...overrides })
  return { ...result, paths: await restored(source) }
}

describe('patterns', () => {
  const files = {
    'a.log': '1',
    'keep.log': '2',
    'src/b.log': '3',
    'src/node_modules/x/y': '4',
    'src/main': '5',
  }

  test('leave out entries with all that lies below them, and each is counted', async () => {
    const result = await backUp(makeSource(files), {
      patterns: ['*.log', '!keep.log', 'node_modules/', 'nothing-like-this'],
    })
    expect(result.paths).toEqual(['keep.log', 'src', 'src/main'])
    expect(result).toMatchObject({
      complete: true,
      problemCount: 0,
      leftOut: [
        { rule: '*.log', count: 2 },
        { rule: 'node_modules/', count: 1 },
        { rule: 'nothing-like-this', count: 0 },
      ],
    })
  })

  test('are in the manifest, so that a restore can tell what the backup left out', async () => {
    const source = makeSource(files)
    await source.backup()
    expect((await source.snapshot()).manifest.leftOut).toBeUndefined()
    await source.backup({ exclude: { patterns: ['*.log', 'nothing'] } })
    expect((await source.snapshot()).manifest).toMatchObject({ leftOut: [{ rule: '*.log', count: 3 }] })
    expect((await source.restore()).plan.leftOut).toEqual([{ rule: '*.log', count: 3 }])
  })

  test('leave out again what an earlier backup had, and take back what it left out', async () => {
    const source = makeSource(files)
    await source.backup()
    expect((await backUp(source, { patterns: ['src'] })).paths).toEqual(['a.log', 'keep.log'])
    expect((await backUp(source, {})).paths).toHaveLength(8)
  })

  test('make no entry missing that moves or changes where it is left out', async () => {
    const source = makeSource({ ...files, 'z/late': '6' })
    for (let index = 0; index < 300; index++) writeFileSync(join(source.directory, `f${index}`), '')
    let isDone = false
    const result = await backUp(
      source,
      { patterns: ['*.log', 'trash/'] },
      {
        onProgress: () => {
          if (isDone) return
          isDone = true
          renameSync(join(source.directory, 'z/late'), join(source.directory, 'late.log'))
        },
      },
    )
    expect(isDone).toBe(true)
    expect(result).toMatchObject({ complete: true, problemCount: 0 })
  })

  test('of a cluster are refused, because its files belong together', async () => {
    const source = makeSource(files)
    const refused = { code: 'invalid-input', message: expect.stringContaining('whole') as string }
    for (const exclude of [{ patterns: ['log'] }, { caches: true }, { otherFileSystems: true }])
      await expect(source.backup({ kind: 'postgres', exclude })).rejects.toMatchObject(refused)
    expect(source.store.requests.put).toBe(0)
  })

  test("that can't be used are refused before the first request", async () => {
    const source = makeSource(files)
    await expect(source.backup({ exclude: { patterns: ['[a'] } })).rejects.toMatchObject({
      code: 'invalid-input',
    })
    expect(source.store.requests.put).toBe(0)
  })
})

describe("a cache's tag", () => {
  test('leaves out the content of its directory, except for itself', async () => {
    const source = makeSource({ 'cache/CACHEDIR.TAG': signature, 'cache/a': '1', 'cache/b/c': '2', x: '3' })
    expect((await backUp(source, {})).paths).toHaveLength(6)
    const result = await backUp(source, { caches: true })
    expect(result.paths).toEqual(['cache', 'cache/CACHEDIR.TAG', 'x'])
    expect(result).toMatchObject({ complete: true, leftOut: [{ rule: '--exclude-caches', count: 1 }] })
  })

  test('does not count without its signature, as a link, or in the root', async () => {
    const source = makeSource({
      'CACHEDIR.TAG': signature,
      'one/CACHEDIR.TAG': signature.replace('8a47', '0000'),
      'one/a': '1',
      'two/a': '2',
    })
    symlinkSync('../CACHEDIR.TAG', join(source.directory, 'two/CACHEDIR.TAG'))
    expect((await backUp(source, { caches: true })).paths).toHaveLength(7)
  })

  test('makes no entry missing that changes in the cache', async () => {
    const source = makeSource({ 'cache/CACHEDIR.TAG': signature, 'cache/a': '1', 'z/late': '2' })
    for (let index = 0; index < 300; index++) writeFileSync(join(source.directory, `f${index}`), '')
    let isDone = false
    const result = await backUp(
      source,
      { caches: true },
      {
        onProgress: () => {
          if (isDone) return
          isDone = true
          renameSync(join(source.directory, 'z/late'), join(source.directory, 'cache/late'))
        },
      },
    )
    expect(result).toMatchObject({ complete: true, problemCount: 0 })
  })
})

describe.runIf(isRoot && process.platform === 'linux')('a file system below the root', () => {
  function mount(source: ProtectedSource): void {
    const directory = join(source.directory, 'mounted')
    mkdirSync(directory)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'holdfast-test', directory])
    onTestFinished(() => unmount(source))
    writeFileSync(join(directory, 'inside'), '1')
  }

  function unmount(source: ProtectedSource): void {
    try {
      execFileSync('umount', [join(source.directory, 'mounted')], { stdio: 'ignore' })
    } catch {
      // The test has done it.
    }
  }

  test('is in the snapshot and reported; with --one-file-system, its directory alone is', async () => {
    const source = makeSource({ x: '1' })
    mount(source)
    const whole = await backUp(source, {})
    expect(whole.paths).toEqual(['mounted', 'mounted/inside', 'x'])
    expect(whole).toMatchObject({ complete: true, mountCount: 1, mounts: [Buffer.from('mounted')] })
    const part = await backUp(source, { otherFileSystems: true })
    expect(part.paths).toEqual(['mounted', 'x'])
    expect(part).toMatchObject({
      complete: true,
      mountCount: 1,
      leftOut: [{ rule: '--one-file-system', count: 1 }],
    })
  })

  test('that is no longer mounted is refused, unless it is allowed or was left out', async () => {
    const source = makeSource({ x: '1' })
    mount(source)
    await source.backup()
    unmount(source)
    await expect(source.backup()).rejects.toMatchObject({
      code: 'invalid-input',
      message: expect.stringContaining('mounted') as string,
      hint: expect.stringContaining('--allow-empty') as string,
    })
    expect(await source.backup({ exclude: { otherFileSystems: true } })).toMatchObject({ complete: true })
    const second = makeSource({ x: '1' })
    mount(second)
    await second.backup()
    unmount(second)
    expect(await second.backup({ allowEmpty: true })).toMatchObject({ complete: true, files: 1 })
    expect(await second.backup()).toMatchObject({ complete: true, files: 1 })
  })
})
