// Back up, restore, and compare with what was there: by plain system calls, byte for byte, name for name.
import {
  chmodSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  closeSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { execFileSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { describeDirectory } from '../fixtures/directory-description.ts'
import { randomBytes } from '../fixtures/manual-clock.ts'
import { makeOddTree } from '../fixtures/odd-tree.ts'
import { ProtectedSource } from '../fixtures/protected-source.ts'

const isRoot = process.getuid?.() === 0

test('a tree of odd entries comes back equal: names, content, modes, owners, times, links, holes', async () => {
  // Not in memory: what a real file system does with times and holes counts.
  const source = new ProtectedSource({ parent: tmpdir() })
  makeOddTree(source.directory, isRoot)
  const backedUp = await source.backup()
  expect(backedUp.problems).toEqual([])
  expect(backedUp.complete).toBe(true)
  const { target, damaged, problems, plan } = await source.restore({ specialBits: true })
  expect([damaged, problems]).toEqual([[], []])
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  expect(plan.hardLinks).toBe(3)
  for (const name of ['hole-behind', 'hole-before', 'only-hole']) {
    expect(statSync(join(target, name)).blocks, name).toBeLessThanOrEqual(
      statSync(join(source.directory, name)).blocks + 256,
    )
  }
  expect(await source.verify(true)).toMatchObject({ objects: [], files: [] })
})

test('setuid and setgid of files are left out unless asked for, and that is said', async () => {
  const source = new ProtectedSource()
  for (const [name, mode] of [
    ['suid', 0o4755],
    ['sgid', 0o2755],
    ['both', 0o6777],
  ] as const) {
    writeFileSync(join(source.directory, name), name)
    chmodSync(join(source.directory, name), mode)
  }
  await source.backup()
  const plain = await source.restore()
  expect(plain.problems.map(({ path }) => path.toString()).sort()).toEqual(['both', 'sgid', 'suid'])
  expect(['suid', 'sgid', 'both'].map((name) => statSync(join(plain.target, name)).mode & 0o7777)).toEqual([
    0o755, 0o755, 0o777,
  ])
  const special = await source.restore({ specialBits: true })
  expect(special.problems).toEqual([])
  expect(describeDirectory(special.target)).toEqual(describeDirectory(source.directory))
})

test('a file of several segments, one of more chunks than an entry holds, and thousands of small ones come back equal', async () => {
  const source = new ProtectedSource()
  const noise = randomBytes(8 * 1024 * 1024, 3)
  const large = openSync(join(source.directory, 'large'), 'w')
  for (let index = 0; index < 5; index++)
    writeSync(large, noise, 0, noise.length, index * noise.length + index)
  closeSync(large)
  const sparse = openSync(join(source.directory, 'many chunks'), 'w')
  // Beyond 256 chunks: 600 MiB, most of it a hole.
  for (let index = 0; index < 20; index++) writeSync(sparse, `block ${index}`, index * 30 * 1024 * 1024)
  ftruncateSync(sparse, 600 * 1024 * 1024)
  closeSync(sparse)
  for (let index = 0; index < 2000; index++) {
    if (index % 100 === 0) mkdirSync(join(source.directory, `d${index / 100}`))
    writeFileSync(join(source.directory, `d${Math.floor(index / 100)}`, `f${index}`), `file ${index}`)
  }
  await source.backup({ workers: 2 })
  const { target, damaged, plan } = await source.restore({ workers: 2 })
  expect(damaged).toEqual([])
  // Compared without reading 600 MiB of zeros in JavaScript.
  execFileSync('cmp', [join(source.directory, 'many chunks'), join(target, 'many chunks')])
  expect(statSync(join(target, 'many chunks')).blocks).toBeLessThan(20 * 4096)
  for (const directory of [source.directory, target]) unlinkSync(join(directory, 'many chunks'))
  const [restored, original] = [describeDirectory(target), describeDirectory(source.directory)]
  delete restored['.']
  delete original['.']
  expect(restored).toEqual(original)
  expect(plan.files).toBe(2002)
  const again = await source.restore({ paths: [Buffer.from('many chunks')] })
  expect(statSync(join(again.target, 'many chunks')).size).toBe(600 * 1024 * 1024)
})

test('a tree deeper than the directories that a restore keeps open comes back equal, its hard links too', async () => {
  const source = new ProtectedSource()
  const deep = (letter: string): string =>
    Array.from({ length: 200 }, (_, index) => `${letter}${index}`).join('/')
  for (const letter of ['a', 'b', 'c']) {
    mkdirSync(join(source.directory, deep(letter)), { recursive: true })
    writeFileSync(join(source.directory, deep(letter), 'same name'), `in ${letter}`)
  }
  for (const [from, to] of [
    ['a', 'b'],
    ['b', 'c'],
    ['c', 'a'],
  ]) {
    linkSync(
      join(source.directory, deep(from!), 'same name'),
      join(source.directory, deep(to!), `link to ${from}`),
    )
  }
  await source.backup()
  const { target } = await source.restore()
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
})

test('one name of a hard-linked file, selected alone, has its content', async () => {
  const source = new ProtectedSource()
  mkdirSync(join(source.directory, 'z'))
  writeFileSync(join(source.directory, 'a'), 'content')
  for (const name of ['b', 'c']) linkSync(join(source.directory, 'a'), join(source.directory, 'z', name))
  writeFileSync(join(source.directory, 'other'), 'not selected')
  await source.backup()
  const { target } = await source.restore({ paths: [Buffer.from('z')] })
  const described = describeDirectory(target)
  expect(Object.keys(described)).toEqual(['.', 'z', 'z/b', 'z/c'])
  expect(described['z/b']!.names).toEqual(['z/b', 'z/c'])
  expect(readFileSync(join(target, 'z/c'), 'utf8')).toBe('content')
})

test('symbolic links that are hard links of one another come back as links of their own, and that is reported', async () => {
  const source = new ProtectedSource()
  symlinkSync('elsewhere', join(source.directory, 'a'))
  linkSync(join(source.directory, 'a'), join(source.directory, 'b'))
  const { complete, problems } = await source.backup()
  const { plan, target } = await source.restore()
  for (const reported of [problems, plan.notRecorded.filter(({ path }) => path.length > 0)])
    expect(reported.map(({ kind, path }) => [kind, path.toString()])).toEqual([
      ['not-recorded', 'a'],
      ['not-recorded', 'b'],
    ])
  expect([complete, readlinkSync(join(target, 'b'))]).toEqual([true, 'elsewhere'])
})

test('FIFOs, sockets and devices are recorded and reported, by the backup and by the restore, and never made', async () => {
  const source = new ProtectedSource()
  execFileSync('mkfifo', [join(source.directory, 'fifo')])
  execFileSync('python3', [
    '-c',
    'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])',
    join(source.directory, 'socket'),
  ])
  const names = ['fifo', 'socket']
  if (isRoot) {
    execFileSync('mknod', [join(source.directory, 'device'), 'c', '1', '3'])
    names.unshift('device')
  }
  writeFileSync(join(source.directory, 'file'), 'file')
  const { problems, complete, entries } = await source.backup()
  expect(problems.map(({ path, kind }) => [path.toString(), kind])).toEqual(
    names.map((name) => [name, 'not-restorable']),
  )
  expect([complete, entries]).toEqual([true, names.length + 2])
  const { target, plan } = await source.restore()
  expect(plan.notRestorable.map(({ path }) => path.toString())).toEqual(names)
  expect(Object.keys(describeDirectory(target))).toEqual(['.', 'file'])
})

test('a symbolic link is restored as it was and never followed, wherever it points', async () => {
  const source = new ProtectedSource()
  const outside = join(source.root, 'outside')
  writeFileSync(outside, 'untouched')
  symlinkSync(outside, join(source.directory, 'link'))
  symlinkSync(source.root, join(source.directory, 'to-directory'))
  await source.backup()
  const { target } = await source.restore()
  expect(describeDirectory(target)).toEqual(describeDirectory(source.directory))
  expect(readFileSync(outside, 'utf8')).toBe('untouched')
})
