// The layout of docs/architecture.md, enforced: who may import whom, and what a folder may not do.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname, '..')
const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '*.ts'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)))

/** Folder to the folders it may import besides itself. */
const mayImport: Record<string, string[]> = {
  core: [],
  guardrails: [],
  engine: ['core'],
  aws: ['core'],
  checks: ['core', 'engine', 'aws', 'guardrails'],
  'blast-radius': ['core', 'aws', 'guardrails'],
  infra: ['core', 'guardrails', 'checks'],
  examples: [],
  'restore-cli': ['core', 'engine', 'aws', 'guardrails', 'checks', 'blast-radius'],
  lab: ['core', 'engine', 'aws', 'guardrails', 'infra', 'restore-cli', 'checks', 'blast-radius'],
}

/** Room of the lab to the rooms of the lab that it may import besides itself. */
const mayImportInLab: Record<string, string[]> = {
  report: [],
  postgres: [],
  sandbox: [],
  simulation: [],
  baselines: ['simulation'],
  proof: ['sandbox', 'report'],
  incident: ['sandbox', 'report', 'postgres'],
  deployment: ['sandbox'],
  bench: ['sandbox', 'postgres'],
  weeks: ['sandbox', 'report', 'incident'],
  'rule-import': [],
}

// Loaded when it is asked for, if it is there: docs/adr/0007-evaluator-as-optional-peer.md.
const lazyEvaluator = 'blast-radius/policy-evaluator.ts'

/** Packages that only these folders may import. */
const restricted: [package_: RegExp, folders: string[], why: string][] = [
  [/^@aws-sdk\/|^@smithy\//, ['aws', 'lab'], 'only adapters know AWS, and what fills a store from outside'],
  [/^@cloud-copilot\//, ['lab'], 'it is AGPL-3.0: never part of what is published'],
  [/^@pulumi\//, ['infra', 'examples', 'lab'], 'only the program provisions, and a trial of its engine'],
  [
    /^(?:dockerfile-ast|dot-properties|ignore|jsonc-parser)$/,
    ['blast-radius'],
    'only the search reads files that others write',
  ],
  [/^prom-client$/, ['checks'], 'only the checks have metrics'],
  [/^playwright-core$|^axe-core$/, ['lab'], 'only pictures and tests of pages need a browser'],
  [/^commander$/, ['restore-cli', 'lab'], 'only programs parse arguments'],
]

interface Import {
  file: string
  folder: string
  specifier: string
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const matches = text.matchAll(
    /(?:^|\n)\s*(?:import|export)\s[^'"\n]*?(?:\n[^'"]*?)?from\s+['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)import\s+['"]([^'"]+)['"]/g,
  )
  return [...matches].map((match) => ({
    file,
    folder: file.split('/')[0]!,
    specifier: (match[1] ?? match[2] ?? match[3])!,
  }))
}

const sources = files.filter((file) => file.includes('/') && !file.startsWith('test/'))
const imports = sources.flatMap(importsOf)

test('only the pruner deletes a version, and only the extender changes a lock', () => {
  const product = sources.filter((file) => !file.startsWith('lab/'))
  const naming = (command: RegExp): string[] =>
    product.filter((file) => command.test(readFileSync(join(root, file), 'utf8')))
  expect(naming(/\bDeleteObjects?Command\b/)).toEqual(['aws/s3-version-pruner.ts'])
  expect(naming(/\bPutObjectRetentionCommand\b/)).toEqual(['aws/s3-lock-extender.ts'])
})

describe('dependency direction', () => {
  test('imports are found at all', () => {
    expect(imports.length).toBeGreaterThan(200)
    expect(
      imports.some(
        ({ file, specifier }) => file === 'engine/backup/backup.ts' && specifier === '../../core/errors.ts',
      ),
    ).toBe(true)
  })

  test('every folder with code has a place in it', () => {
    expect(
      [...new Set(sources.map((file) => file.split('/')[0]))].filter((folder) => !(folder! in mayImport)),
    ).toEqual([])
  })

  test('no folder imports one that it may not', () => {
    const wrong = imports.filter(({ file, folder, specifier }) => {
      if (!specifier.startsWith('.')) return false
      const target = relative(root, resolve(root, dirname(file), specifier)).split('/')[0]!
      return target !== folder && target !== 'package.json' && !mayImport[folder]!.includes(target)
    })
    expect(wrong.map(({ file, specifier }) => `${file} -> ${specifier}`)).toEqual([])
  })

  test('no room of the lab imports one that it may not', () => {
    const rooms = imports.filter(({ folder, specifier }) => folder === 'lab' && specifier.startsWith('.'))
    const wrong = rooms.filter(({ file, specifier }) => {
      const [folder, target] = relative(root, resolve(root, dirname(file), specifier)).split('/')
      const room = file.split('/')[1]!
      return folder === 'lab' && target !== room && !mayImportInLab[room]!.includes(target!)
    })
    expect(wrong.map(({ file, specifier }) => `${file} -> ${specifier}`)).toEqual([])
  })

  test('no files import each other in a circle', () => {
    expect(findCircles(importGraph(imports))).toEqual([])
  })

  test('a circle would be found, and only a circle', () => {
    expect(
      findCircles(
        new Map([
          ['a', ['b', 'd']],
          ['b', ['c']],
          ['c', ['b']],
          ['d', []],
        ]),
      ),
    ).toEqual([['b', 'c']])
  })

  for (const [package_, folders, why] of restricted) {
    test(`${package_.source} is imported by ${folders.join(', ')} alone: ${why}`, () => {
      const wrong = imports.filter(
        ({ file, folder, specifier }) =>
          package_.test(specifier) &&
          !folders.includes(folder) &&
          !(file === lazyEvaluator && specifier === '@cloud-copilot/iam-simulate'),
      )
      expect(wrong.map(({ file, specifier }) => `${file} -> ${specifier}`)).toEqual([])
    })
  }
})

test('the evaluator and Pulumi are published as what may be there: an optional peer each', () => {
  const manifest = JSON.parse(read('package.json')) as {
    dependencies?: unknown
    peerDependencies: Record<string, string>
    peerDependenciesMeta: unknown
  }
  expect(manifest.dependencies).toBeUndefined()
  expect(manifest.peerDependenciesMeta).toEqual(
    Object.fromEntries(Object.keys(manifest.peerDependencies).map((name) => [name, { optional: true }])),
  )
  expect(Object.keys(manifest.peerDependencies)).toContain('@cloud-copilot/iam-simulate')
  const lines = read(lazyEvaluator)
    .split('\n')
    .filter((line) => line.includes('import') && line.includes('@cloud-copilot/'))
  expect(lines).toHaveLength(2)
  expect(lines.every((line) => line.startsWith('import type ') || line.includes('=> import('))).toBe(true)
})

describe('time, chance and environment are arguments', () => {
  const banned = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\b|\bperformance\.now\(|\bsetTimeout\(/

  test('in core and engine nobody asks the wall clock or a random source', () => {
    expect(sources.filter((file) => /^(?:core|engine)\//.test(file) && banned.test(read(file)))).toEqual([])
  })

  test('in core nobody reads the environment, the file system or the network', () => {
    const outside = imports.filter(
      ({ folder, specifier }) => folder === 'core' && /^node:(?!crypto$|zlib$)/.test(specifier),
    )
    expect(outside.map(({ file, specifier }) => `${file} -> ${specifier}`)).toEqual([])
    expect(sources.filter((file) => file.startsWith('core/') && /\bprocess\./.test(read(file)))).toEqual([])
  })
})

describe('names', () => {
  test('no file is called after nothing', () => {
    expect(
      files.filter((file) => /(?:^|\/)(?:utils?|helpers?|common|misc|manager|index)\.ts$/.test(file)),
    ).toEqual([])
  })

  test('files are in kebab-case', () => {
    expect(files.filter((file) => !/^(?:[a-z0-9.-]+\/)*[a-z0-9]+(?:[.-][a-z0-9]+)*\.ts$/.test(file))).toEqual(
      [],
    )
  })

  test('a test lies where its source lies', () => {
    const apart =
      /^test\/(?:acceptance|conformance|scenarios|fixtures|foreign|mutants|style)\/|^test\/[^/]+\.test\.ts$/
    const stray = files
      .filter((file) => file.startsWith('test/') && file.endsWith('.test.ts') && !apart.test(file))
      .filter((file) => {
        const source = file.slice('test/'.length).replace(/\.test\.ts$/, '')
        return (
          !existsSync(join(root, `${source}.ts`)) &&
          !existsSync(join(root, source)) &&
          !existsSync(join(root, dirname(source)))
        )
      })
    expect(stray).toEqual([])
  })

  test('no module that tests share has a state that ends with one of them', () => {
    const perFile =
      /^(?:export )?const .*\b(?:makeFolder\(|makeTemporaryDirectory\(|await start)|^(?:before|after)(?:All|Each)\(/m
    // These are processes of their own.
    const isShared = (file: string): boolean =>
      file.startsWith('test/') && !/(?:\.test|-process|\/main)\.ts$/.test(file)
    expect(files.filter((file) => isShared(file) && perFile.test(read(file)))).toEqual([])
    expect(perFile.test('export const sandbox = await startWorld()')).toBe(true)
  })

  test('no test is skipped or runs alone', () => {
    const skipped = /\b(?:it|test|describe)\.(?:skip|todo|only)\(/
    expect(
      files.filter(
        (file) => file.startsWith('test/') && file !== 'test/layout.test.ts' && skipped.test(read(file)),
      ),
    ).toEqual([])
  })
})

function importGraph(edges: readonly Import[]): Map<string, string[]> {
  const graph = new Map<string, string[]>()
  for (const { file, specifier } of edges) {
    if (!specifier.startsWith('.')) continue
    graph.set(file, [...(graph.get(file) ?? []), relative(root, resolve(root, dirname(file), specifier))])
  }
  return graph
}

/** The strongly connected components of more than one file, sorted (Tarjan, SIAM J. Comput. 1, 1972). */
function findCircles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const order = new Map<string, number>()
  const lowest = new Map<string, number>()
  const stack: string[] = []
  const circles: string[][] = []
  const visit = (file: string): number => {
    order.set(file, order.size)
    lowest.set(file, order.get(file)!)
    stack.push(file)
    for (const target of graph.get(file) ?? []) {
      const reached = order.has(target)
        ? stack.includes(target)
          ? order.get(target)!
          : Infinity
        : visit(target)
      lowest.set(file, Math.min(lowest.get(file)!, reached))
    }
    if (lowest.get(file) === order.get(file)) {
      const circle = stack.splice(stack.indexOf(file))
      if (circle.length > 1) circles.push(circle.sort())
    }
    return lowest.get(file)!
  }
  for (const file of graph.keys()) if (!order.has(file)) visit(file)
  return circles
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8')
}
