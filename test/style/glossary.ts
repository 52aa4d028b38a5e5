// The word tables of docs/glossary.md, and the names and prose that break them.
import ts from 'typescript'

export interface WordRule {
  /** In lower case. */
  words: string[]
  say: string
  where: { kind: WordKind; folders: string[] }[]
}

export type WordKind = 'names' | 'whole names' | 'first words' | 'prose'

export interface Glossary {
  rules: WordRule[]
  /** Declared names that no rule applies to. */
  keptNames: { name: string; folders: string[] }[]
}

export function readGlossary(page: string): Glossary {
  return {
    rules: tableUnder(page, 'Words we replace').map(([words, say, where]) => ({
      words: codeSpans(words!).map((word) => word.toLowerCase()),
      say: say!,
      where: readWhere(where!),
    })),
    keptNames: tableUnder(page, 'Words we keep').flatMap(([cell]) => {
      const [names, folders] = cell!.split(' in ')
      return codeSpans(names!).map((name) => ({ name, folders: codeSpans(folders ?? '') }))
    }),
  }
}

function tableUnder(page: string, heading: string): string[][] {
  const section = page.split(/^## /m).find((text) => text.startsWith(`${heading}\n`))
  if (section === undefined) throw new Error(`no section "${heading}"`)
  return section
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => line.slice(2, -2).split(' | '))
}

/** `names in `core/`, `engine/``, or `names, prose`. */
function readWhere(cell: string): WordRule['where'] {
  const [kinds, folders] = cell.split(' in ')
  return kinds!.split(', ').map((kind) => {
    if (!isWordKind(kind)) throw new Error(`"${kind}" is not a place for a word`)
    return { kind, folders: codeSpans(folders ?? '') }
  })
}

function isWordKind(text: string): text is WordKind {
  return ['names', 'whole names', 'first words', 'prose'].includes(text)
}

function codeSpans(text: string): string[] {
  return [...text.matchAll(/`([^`]+)`/g)].map(([, span]) => span!)
}

/** Each declared name that breaks a rule, as `path:line name (say …)`. */
export function brokenNames(glossary: Glossary, source: ts.SourceFile): string[] {
  const file = source.fileName
  return declaredNames(source).flatMap(({ name, line }) => {
    if (glossary.keptNames.some((entry) => entry.name === name && isIn(file, entry.folders))) return []
    const rule = glossary.rules.find(({ words, where }) =>
      where.some(
        (entry) => isIn(file, entry.folders) && words.some((word) => breaks(name, word, entry.kind)),
      ),
    )
    return rule === undefined ? [] : [`${file}:${line} ${name} (say ${rule.say})`]
  })
}

/** @param prose without code spans and code blocks. */
export function brokenProse(glossary: Glossary, file: string, prose: string): string[] {
  const { any, each } = proseRulesOf(glossary, file)
  if (!any.test(prose)) return []
  return each.flatMap(({ pattern, say }) =>
    [...prose.matchAll(pattern)].map((match) => `${file}: ${match[0]} (say ${say})`),
  )
}

interface ProseRules {
  /** Matches where any of the rules does. */
  any: RegExp
  each: { pattern: RegExp; say: string }[]
}

const proseRules = new WeakMap<Glossary, Map<string, ProseRules>>()

/** The rules for a file, made once for all of its comments. */
function proseRulesOf(glossary: Glossary, file: string): ProseRules {
  const [path] = file.split(':')
  const byPath = proseRules.get(glossary) ?? new Map<string, ProseRules>()
  proseRules.set(glossary, byPath)
  const rules = byPath.get(path!) ?? makeProseRules(glossary, path!)
  byPath.set(path!, rules)
  return rules
}

function makeProseRules(glossary: Glossary, path: string): ProseRules {
  const rules = glossary.rules.flatMap(({ words, say, where }) =>
    where
      .filter(({ kind, folders }) => kind === 'prose' && isIn(path, folders))
      .flatMap(() => words.map((word) => ({ text: word.replaceAll(' ', '\\s+'), say }))),
  )
  const matcher = (text: string, flags: string): RegExp => new RegExp(`\\b(?:${text})s?\\b`, flags)
  return {
    any: matcher(rules.map(({ text }) => text).join('|'), 'i'),
    each: rules.map(({ text, say }) => ({ pattern: matcher(text, 'gi'), say })),
  }
}

/** Markdown without front matter of code: fenced and indented blocks, spans, link targets. */
export function proseOf(markdown: string): string {
  return markdown
    .replace(/^```[\s\S]*?^```/gm, '')
    .replace(/^ {4}.*$/gm, '')
    .replace(/`[^`]*`/g, '')
    .replace(/\]\([^)]*\)/g, ']')
}

function isIn(file: string, folders: readonly string[]): boolean {
  return folders.length === 0 || folders.some((folder) => file.replace(/^test\//, '').startsWith(folder))
}

function breaks(name: string, word: string, kind: WordKind): boolean {
  const compactWord = word.replaceAll(' ', '')
  if (kind === 'whole names') return name.toLowerCase() === compactWord
  const { first, runs } = splitName(name)
  if (kind === 'first words') return first === compactWord
  return kind === 'names' && runs.has(compactWord.replace(/s$/, ''))
}

interface SplitName {
  /** The first of several words. */
  first: string | null
  /** Each run of its words, in the singular and without spaces. */
  runs: Set<string>
}

const splitNames = new Map<string, SplitName>()

/** Splits each name once, because most names occur often and each is compared with every rule. */
function splitName(name: string): SplitName {
  const earlier = splitNames.get(name)
  if (earlier !== undefined) return earlier
  const parts = wordsOf(name)
  const singular = parts.map((part) => part.replace(/s$/, ''))
  const runs = singular.flatMap((_, start) =>
    singular.slice(start).map((__, length) => singular.slice(start, start + length + 1).join('')),
  )
  const split = { first: parts.length > 1 ? parts[0]! : null, runs: new Set(runs) }
  splitNames.set(name, split)
  return split
}

function wordsOf(name: string): string[] {
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .split(/[\s_$]+/)
    .filter((part) => part !== '')
    .map((part) => part.toLowerCase())
}

function declaredNames(source: ts.SourceFile): { name: string; line: number }[] {
  const names: { name: string; line: number }[] = []
  const visit = (node: ts.Node): void => {
    const name = isDeclaration(node) ? node.name : undefined
    if (name !== undefined && (ts.isIdentifier(name) || ts.isPrivateIdentifier(name))) {
      const { line } = source.getLineAndCharacterOfPosition(name.getStart(source))
      names.push({ name: name.text.replace(/^#/, ''), line: line + 1 })
    }
    ts.forEachChild(node, visit)
  }
  visit(source)
  return names
}

function isDeclaration(node: ts.Node): node is ts.NamedDeclaration {
  return (
    ts.isVariableDeclaration(node) ||
    ts.isParameter(node) ||
    ts.isBindingElement(node) ||
    ts.isFunctionDeclaration(node) ||
    ts.isClassDeclaration(node) ||
    ts.isInterfaceDeclaration(node) ||
    ts.isTypeAliasDeclaration(node) ||
    ts.isEnumDeclaration(node) ||
    ts.isMethodDeclaration(node) ||
    ts.isMethodSignature(node) ||
    ts.isPropertyDeclaration(node) ||
    ts.isPropertySignature(node) ||
    ts.isGetAccessor(node) ||
    ts.isSetAccessor(node)
  )
}
