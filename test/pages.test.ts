// The pages name files, links and commands that exist.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, matchesGlob, resolve } from 'node:path'
import { describe, expect, test } from 'vitest'
import configuration from '../vitest.config.ts'

const root = resolve(import.meta.dirname, '..')
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '')
  .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }))

const folders = 'core|engine|aws|guardrails|infra|checks|blast-radius|restore-cli|lab|test|docs|bin|\\.ci'

describe.each(pages)('$file', ({ file, text }) => {
  test('names files that exist', () => {
    // docs/mutants.md names tests relative to test/.
    const base = file === 'docs/mutants.md' ? [root, join(root, 'test')] : [root]
    const named = [...text.matchAll(new RegExp(`\`((?:${folders})/[\\w./-]*)\``, 'g'))].map(
      ([, path]) => path!,
    )
    expect(named.filter((path) => !base.some((folder) => existsSync(join(folder, path))))).toEqual([])
  })

  test('links to files and headings that exist', () => {
    const links = [...text.matchAll(/\]\((?!https?:)([^)#\s]*)(?:#([^)\s]+))?\)/g)]
    const dead = links.filter(([, path, anchor]) => {
      const target = path === '' ? join(root, file) : join(root, dirname(file), path!)
      return !existsSync(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor))
    })
    expect(dead.map(([link]) => link)).toEqual([])
  })

  test('names scripts and test projects that exist', () => {
    const scripts = [...text.matchAll(/\bnpm run ([a-z][a-z:-]*)/g)].map(([, name]) => name!)
    const named = [...text.matchAll(/--project ([a-z]+)/g)].map(([, name]) => name!)
    const names = projects().map(({ name }) => name)
    expect(scripts.filter((name) => !(name in scriptsOf()))).toEqual([])
    expect(named.filter((name) => !names.includes(name))).toEqual([])
  })

  test('runs test files by the names of their projects', () => {
    expect(commandsIn(text).filter(({ matched }) => matched.length === 0)).toEqual([])
  })
})

test('CI runs every test file of the folders that it names', () => {
  const commands = commandsIn(readFileSync(join(root, '.ci/run'), 'utf8'))
  expect(commands.length).toBeGreaterThan(0)
  // Vitest runs what it finds, and says nothing of a file that another project has.
  expect(commands.filter(({ path, matched }) => matched.length < filesUnder(path).length)).toEqual([])
})

/** A project has it only where a store of the user is named. */
const needsEndpoint = 'test/conformance/endpoint.test.ts'
const testFiles = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'test'], {
  cwd: root,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file.endsWith('.test.ts') && file !== needsEndpoint)

const filesUnder = (path: string): string[] =>
  testFiles.filter((file) => file === path || file.startsWith(`${path.replace(/\/$/, '')}/`))

/** Each path of each command that runs Vitest, with the test files that the command's projects have there. */
function commandsIn(text: string): { path: string; matched: string[] }[] {
  return [...text.matchAll(/vitest run ([^`\n]*)/g)].flatMap(([, words]) => {
    const names = [...words!.matchAll(/--project ([a-z]+)/g)].map(([, name]) => name)
    const chosen = projects().filter(({ name }) => names.includes(name))
    const isChosen = (file: string): boolean =>
      chosen.some(
        ({ include, exclude }) =>
          include.some((glob) => matchesGlob(file, glob)) && !exclude.some((glob) => matchesGlob(file, glob)),
      )
    const paths = [...words!.matchAll(/(?<= )test\/[\w./-]+/g)].map(([path]) => path)
    return paths
      .filter((path) => path !== needsEndpoint)
      .map((path) => ({ path, matched: filesUnder(path).filter(isChosen) }))
  })
}

function scriptsOf(): Record<string, string> {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  return scripts
}

interface TestProject {
  name: string
  include: string[]
  exclude: string[]
}

function projects(): TestProject[] {
  return (configuration.test?.projects ?? []).map((project) => {
    const { test } = project as { test: Omit<TestProject, 'exclude'> & Partial<TestProject> }
    return { ...test, exclude: test.exclude ?? [] }
  })
}

/** As GitHub makes them of headings. */
function anchorsOf(page: string): string[] {
  return [...readFileSync(page, 'utf8').matchAll(/^#+ (.+)$/gm)].map(([, heading]) =>
    heading!
      .toLowerCase()
      .replace(/[^\w\s-]/g, '')
      .replace(/\s/g, '-'),
  )
}
