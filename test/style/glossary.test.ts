// Holds names, comments and pages to the word tables of docs/glossary.md.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { brokenNames, brokenProse, proseOf, readGlossary } from './glossary.ts'
import type { Glossary } from './glossary.ts'
import { commentsOf } from './measures.ts'
import { readTree } from './tree.ts'

const root = resolve(import.meta.dirname, '../..')
const page = readFileSync(join(root, 'docs/glossary.md'), 'utf8')
const glossary = readGlossary(page)

const sources = Map.groupBy(
  // This folder's own examples are the words themselves.
  readTree().filter(({ file }) => !file.startsWith('test/style/')),
  ({ file }) => file.split('/')[0]!,
)

describe('every folder keeps to the words of the glossary', () => {
  test.each([...sources])('%s', (_folder, files) => {
    const broken = files.flatMap(({ file, text }) => {
      const source = parse(file, text)
      return [
        ...brokenNames(glossary, source),
        ...commentsOf(source, text).flatMap(({ line, words }) =>
          brokenProse(glossary, `${file}:${line}`, words.replace(/`[^`]*`/g, '')),
        ),
      ]
    })
    expect(broken).toEqual([])
  })
})

describe('every page keeps to the words of the glossary', () => {
  // The glossary shows the words. The rows of docs/mutants.md are titles of tests, drawn by a run of all
  // mutants.
  const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter((file) => !['', 'docs/glossary.md', 'docs/mutants.md'].includes(file))

  test.each(pages)('%s', (file) => {
    const broken = brokenProse(glossary, file, proseOf(readFileSync(join(root, file), 'utf8')))
    expect(broken).toEqual([])
  })
})

describe('the table is read as it is written', () => {
  const rules = readGlossary(`
## Words we replace

| Instead of | Say | Where |
| --- | --- | --- |
| \`least\` | min | first words |
| \`own\` | the noun | whole names |
| \`known chunks\` | dedup index | names, prose |
| \`memory\` | buffer | names in \`core/\` |

## Words we keep

| Name | Why |
| --- | --- |
| \`memoryLimit\` in \`core/\` | a key of the configuration |
`)
  const text = `
const leastDays = 1, atLeast = 1, own = 1, ownDays = 1, knownChunks = 1
function f(memory: 1): void {}
interface I { memoryLimit: 1; usedMemory: 1 }
`

  test('a name breaks the rules of its folder', () => {
    expect(brokenNames(rules, parse('core/a.ts', text))).toEqual([
      'core/a.ts:2 leastDays (say min)',
      'core/a.ts:2 own (say the noun)',
      'core/a.ts:2 knownChunks (say dedup index)',
      'core/a.ts:3 memory (say buffer)',
      'core/a.ts:4 usedMemory (say buffer)',
    ])
    expect(brokenNames(rules, parse('lab/a.ts', text))).toHaveLength(3)
  })

  test('a kept name is kept in its folder only', () => {
    const glossaryWithKeptName: Glossary = {
      ...rules,
      rules: [{ words: ['memory'], say: 'buffer', where: [{ kind: 'names', folders: [] }] }],
    }
    expect(brokenNames(glossaryWithKeptName, parse('core/a.ts', 'const memoryLimit = 1'))).toEqual([])
    expect(brokenNames(glossaryWithKeptName, parse('lab/a.ts', 'const memoryLimit = 1'))).toEqual([
      'lab/a.ts:1 memoryLimit (say buffer)',
    ])
  })

  test('prose is held to the rules for prose, outside of code', () => {
    const markdown =
      '# Known\nchunks, own memory\n\n```\nknown chunks\n```\n\n`known chunks` [a](known chunks)\n'
    expect(brokenProse(rules, 'a.md', proseOf(markdown))).toEqual(['a.md: Known\nchunks (say dedup index)'])
  })

  test('a row without a known scope is an error', () => {
    expect(() => readGlossary(page.replace('| names, prose |', '| everywhere |'))).toThrow('everywhere')
  })
})

function parse(file: string, text: string): ts.SourceFile {
  return ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true)
}
