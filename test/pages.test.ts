// The pages name files, links and commands that exist.
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
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
    const projects = [...text.matchAll(/--project ([a-z]+)/g)].map(([, name]) => name!)
    expect(scripts.filter((name) => !(name in scriptsOf()))).toEqual([])
    expect(projects.filter((name) => !projectNames().includes(name))).toEqual([])
  })
})

function scriptsOf(): Record<string, string> {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    scripts: Record<string, string>
  }
  return scripts
}

function projectNames(): unknown[] {
  return (configuration.test?.projects ?? []).map(
    (project) => (project as { test: { name: unknown } }).test.name,
  )
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
