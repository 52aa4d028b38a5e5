import { describe, expect, test } from 'vitest'
import { ChunkReader } from '../../../core/restore-plan/chunk-reader.ts'
import { treeLimits } from '../../../core/limits.ts'
import { foldContent } from '../../../core/tree/content-list.ts'
import { isHoldfastError } from '../../../core/errors.ts'
import { planRestore, requestsOf } from '../../../core/restore-plan/restore-plan.ts'
import type { EntryPlan } from '../../../core/restore-plan/restore-plan.ts'
import { PathSelection } from '../../../core/tree/path-selection.ts'
import type { TreeEntry } from '../../../core/tree/tree-entry.ts'
import { HandmadeVault, sha256Of } from '../../fixtures/handmade-vault.ts'
import { randomBytes } from '../../fixtures/manual-clock.ts'

async function open(vault: HandmadeVault, root: Buffer): Promise<ChunkReader> {
  const { manifest } = await vault.commit(root)
  return ChunkReader.open(vault.store, manifest)
}

async function planOf(
  vault: HandmadeVault,
  entries: TreeEntry[],
  paths: string[] = [],
): Promise<{ plan: EntryPlan; reader: ChunkReader }> {
  const reader = await open(vault, vault.tree(entries))
  return {
    reader,
    plan: await planRestore(reader, new PathSelection(paths.map((path) => Buffer.from(path)))),
  }
}

async function refusalOfPlan(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => new Error('it was planned'),
    (thrown: unknown) => thrown,
  )
  if (!isHoldfastError(error)) throw error
  return `${error.code}: ${error.message}`
}

/** The result of `of` for each file. */
function eachFile<T>({ files }: EntryPlan, of: (file: number) => T): T[] {
  return Array.from({ length: files.length }, (_, file) => of(file))
}

/** A file of so many chunks of `bytes` bytes each. */
function largeFile(vault: HandmadeVault, path: string, chunks: number, bytes = 10): TreeEntry {
  const parts = Array.from({ length: chunks }, (_, index) => Buffer.from(String(index).padEnd(bytes, '.')))
  const digests = Buffer.concat(parts.map((part) => vault.keep(part)))
  return vault.file(path, '', {
    size: chunks * bytes,
    content: foldContent(
      { digests, lengths: parts.map(({ length }) => length) },
      (_, list) => void vault.keep(list),
    ),
  })
}

describe('a plan', () => {
  test('names each piece of each file once, and each frame of a pack is fetched once', async () => {
    const vault = new HandmadeVault()
    const shared = randomBytes(80_000, 1)
    const entries = [
      vault.directory(''),
      vault.file('a', shared),
      vault.file('b', 'small'),
      vault.file('c', shared),
      vault.file('d', ''),
      largeFile(vault, 'e', 600),
    ]
    const { plan, reader } = await planOf(vault, entries)
    expect(eachFile(plan, (file) => plan.files.extentCountOf(file))).toEqual([1, 1, 1, 0, 600])
    expect(plan.bytes).toBe(80_000 * 2 + 5 + 6000)
    const requests = [...requestsOf(reader, plan)]
    const frames = requests.flatMap((request) =>
      request.frames.map(({ frame }) => `${request.pack} ${frame.offset}`),
    )
    expect(new Set(frames).size).toBe(frames.length)
    const extents = requests.flatMap((request) =>
      request.frames.flatMap(({ chunks }) => chunks.flatMap(({ extents: writes }) => writes)),
    )
    expect(extents.length).toBe(603)
    expect(
      extents
        .filter(({ file }) => file === 4)
        .map(({ offset }) => offset)
        .sort((a, b) => a - b),
    ).toEqual(Array.from({ length: 600 }, (_, index) => index * 10))
    expect([...requestsOf(reader, plan, (file) => file === 3)]).toEqual([])
    const [only] = [...requestsOf(reader, plan, (file) => file === 2)]
    expect(only!.frames.flatMap(({ chunks }) => chunks.flatMap(({ extents: writes }) => writes))).toEqual([
      { file: 2, offset: 0 },
    ])
  })

  test('makes the first name of a file that is there the one that others link to', async () => {
    const vault = new HandmadeVault()
    const linked = (path: string): TreeEntry => vault.file(path, 'content', { linkGroup: 9 })
    const entries = [
      vault.directory(''),
      linked('a'),
      vault.directory('d'),
      linked('d/b'),
      vault.file('z', 'content', { linkGroup: 10 }),
    ]
    const { plan: wholePlan, reader } = await planOf(vault, entries)
    expect([wholePlan.files.length, [...wholePlan.files.links()]]).toEqual([3, [[1, 0]]])
    expect(wholePlan.bytes).toBe(14)
    const alone = await planRestore(reader, new PathSelection([Buffer.from('d')]))
    expect([alone.files.length, alone.files.linkCount, alone.files.extentCountOf(0)]).toEqual([1, 0, 1])
  })

  test('of a path that is not there is refused with its name, escaped', async () => {
    const vault = new HandmadeVault()
    const work = planOf(vault, [vault.directory(''), vault.file('a', 'a')], ['a', 'b\u001b[2J'])
    expect(await refusalOfPlan(work)).toBe('not-found: the snapshot holds no b\\x1b[2J')
  })

  test('keeps devices, sockets and FIFOs apart', async () => {
    const vault = new HandmadeVault()
    const special = (['fifo', 'socket', 'character-device', 'block-device'] as const).map((type) =>
      vault.file(type, '', { type }),
    )
    special.sort((a, b) => Buffer.compare(a.path, b.path))
    const { plan } = await planOf(vault, [vault.directory(''), ...special])
    expect([plan.files.length, plan.specialFiles.length]).toEqual([0, 4])
  })
})

describe('a hostile tree', () => {
  const vault = new HandmadeVault()
  test.each<[string, TreeEntry[]]>([
    [
      'puts a file below a symbolic link',
      [vault.directory(''), vault.symlink('a', '/tmp/x'), vault.file('a/b', 'evil')],
    ],
    ['puts a file below a file', [vault.directory(''), vault.file('a', 'a'), vault.file('a/b', 'evil')]],
    [
      'puts a directory below a symbolic link',
      [vault.directory(''), vault.symlink('a', '..'), vault.directory('a/b'), vault.file('a/b/c', 'evil')],
    ],
    ['puts a file into no directory', [vault.directory(''), vault.file('a/b', 'evil')]],
    ['goes up', [vault.directory(''), vault.file('..', 'evil')]],
    ['goes up in the middle', [vault.directory(''), vault.directory('a'), vault.file('a/../../b', 'evil')]],
    ['is absolute', [vault.directory(''), vault.file('/etc/cron.d/evil', 'evil')]],
    ['names something twice', [vault.directory(''), vault.file('a', 'a'), vault.file('a', 'b')]],
    [
      'names something as a link and as a directory',
      [vault.directory(''), vault.symlink('a', '/etc'), vault.directory('a'), vault.file('a/b', 'evil')],
    ],
    ['has a NUL in a name', [vault.directory(''), vault.file('a\0b', 'evil')]],
    ['has an empty name', [vault.directory(''), vault.directory('a'), vault.file('a//b', 'evil')]],
    ['has no root', [vault.file('a', 'a')]],
    ['has a file as its root', [vault.file('', 'a')]],
  ])('that %s is refused before anything is written', async (_, entries) => {
    const hostileVault = new HandmadeVault()
    for (const bytes of vault.chunks.values()) hostileVault.keep(bytes)
    expect(await refusalOfPlan(planOf(hostileVault, entries))).toMatch(/^damaged: /)
  })

  test('of which a part is lost may still not put a file below a link, or where nothing was lost', async () => {
    const plants: ((hostileVault: HandmadeVault) => TreeEntry[])[] = [
      (hostileVault) => [hostileVault.symlink('x', '/tmp'), hostileVault.file('x/y', 'evil')],
      (hostileVault) => [hostileVault.directory('p'), hostileVault.file('x/y', 'evil')],
    ]
    for (const planted of plants) {
      const hostileVault = new HandmadeVault()
      const first = hostileVault.node(0, [hostileVault.directory(''), hostileVault.directory('a')])
      const middle = hostileVault.node(0, [hostileVault.directory('b'), hostileVault.file('b/c', 'c')])
      const root = hostileVault.node(1, [first, middle, hostileVault.node(0, planted(hostileVault))])
      hostileVault.chunks.delete(middle.digest.toString('hex'))
      expect(
        await refusalOfPlan(
          open(hostileVault, root.digest).then((reader) => planRestore(reader, new PathSelection())),
        ),
      ).toMatch(/^damaged: .*x\/y lies in no directory/)
    }
  })

  test('of which a part is lost gives the rest, with directories where files tell that they were', async () => {
    const hostileVault = new HandmadeVault()
    const first = hostileVault.node(0, [
      hostileVault.directory(''),
      hostileVault.directory('a'),
      hostileVault.file('a/f', 'f'),
    ])
    const middle = hostileVault.node(0, [
      hostileVault.directory('b'),
      hostileVault.directory('b/c'),
      hostileVault.file('b/c/1', '1'),
    ])
    const last = hostileVault.node(0, [hostileVault.file('b/c/2', '2'), hostileVault.directory('d')])
    for (const [lost, files, guessed] of [
      [first, ['b/c/1', 'b/c/2'], ['']],
      [middle, ['a/f', 'b/c/2'], ['b', 'b/c']],
      [last, ['a/f', 'b/c/1'], []],
    ] as const) {
      const copy = new HandmadeVault()
      const root = hostileVault.node(1, [first, middle, last])
      for (const [digest, bytes] of hostileVault.chunks)
        if (digest !== lost.digest.toString('hex')) copy.keep(bytes)
      const reader = await open(copy, root.digest)
      const plan = await planRestore(reader, new PathSelection())
      expect(plan.lostParts.map(({ from }) => from)).toEqual([lost.firstPath])
      expect(
        eachFile(plan, (file) => [plan.files.pathOf(file).toString(), plan.files.damageOf(file)]),
      ).toEqual(files.map((path) => [path, null]))
      expect(
        [...plan.inferredDirectories].map((directory) => plan.directories.pathOf(directory).toString()),
      ).toEqual(guessed)
      expect(plan.directories.pathOf(0).length).toBe(0)
      // A path may have been in the lost part, so the plan can't report it as absent. It can for any other
      // path.
      await planRestore(reader, new PathSelection([lost.firstPath]))
      expect(
        await refusalOfPlan(
          planRestore(reader, new PathSelection([Buffer.from(lost === last ? 'aa' : 'e')])),
        ),
      ).toMatch(/^not-found/)
    }
  })

  test('that names the same chunks without end is refused within its limits', async () => {
    const hostileVault = new HandmadeVault()
    const chunk = hostileVault.keep(Buffer.from('x'))
    const { content } = hostileVault.file('many', '', {
      content: foldContent(
        {
          digests: Buffer.concat(Array.from({ length: 50_000 }, () => chunk)),
          lengths: Array.from({ length: 50_000 }, () => 1),
        },
        (_, list) => void hostileVault.keep(list),
      ),
    })
    const again = Array.from({ length: 10 }, () => content)
    const endless = hostileVault.file('endless', '', {
      size: 50_000 * 10,
      content: {
        depth: 1,
        digests: Buffer.concat(again.map(({ digests }) => digests)),
        lengths: again.flatMap(({ lengths }) => lengths),
      },
    })
    const reader = await open(hostileVault, hostileVault.tree([hostileVault.directory(''), endless]))
    expect(
      await refusalOfPlan(
        planRestore(reader, new PathSelection(), { limits: { ...treeLimits, extents: 499_999 } }),
      ),
    ).toContain('499,999 extents')
    expect(
      (await planRestore(reader, new PathSelection(), { limits: { ...treeLimits, extents: 500_000 } })).files
        .length,
    ).toBeGreaterThan(0)
    expect(
      await refusalOfPlan(
        planRestore(reader, new PathSelection(), { limits: { ...treeLimits, pathBytes: 5 } }),
      ),
    ).toContain('paths')
  })
})

describe('a file', () => {
  test('whose chunks no pack holds is planned as damaged, and the others are not', async () => {
    const vault = new HandmadeVault()
    const lost = vault.file('lost', 'lost content')
    vault.chunks.delete(sha256Of(Buffer.from('lost content')).toString('hex'))
    const { plan } = await planOf(vault, [vault.directory(''), vault.file('kept', 'kept content'), lost])
    expect(eachFile(plan, (file) => plan.files.damageOf(file))).toEqual([
      null,
      'no pack holds its bytes from 0',
    ])
  })

  test('that claims another length for a chunk than the pack says is damaged', async () => {
    const vault = new HandmadeVault()
    const digest = vault.keep(Buffer.from('ten bytes!'))
    const lying = vault.file('lying', '', { size: 9, content: { depth: 0, digests: digest, lengths: [9] } })
    const { plan } = await planOf(vault, [vault.directory(''), lying])
    expect(plan.files.damageOf(0)).toContain('another length')
  })

  test('whose chunk list is lost, no list, or of another size than the file, is damaged', async () => {
    const vault = new HandmadeVault()
    const spoilt = (path: string, change: (entry: TreeEntry) => void): TreeEntry => {
      const entry = largeFile(vault, path, 300)
      change(entry)
      return entry
    }
    const entries = [
      vault.directory(''),
      spoilt('a', ({ content }) => void sha256Of(Buffer.from('nowhere')).copy(content.digests)),
      spoilt('b', ({ content }) => void vault.keep(Buffer.from('no list')).copy(content.digests)),
      spoilt('c', (entry) => void entry.size++),
      spoilt('d', () => undefined),
    ]
    const { plan } = await planOf(vault, entries)
    expect(eachFile(plan, (file) => plan.files.damageOf(file) === null)).toEqual([false, false, false, true])
  })
})
