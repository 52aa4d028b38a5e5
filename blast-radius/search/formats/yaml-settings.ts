// Settings of YAML. Aliases are not followed, so that no document grows by being read.
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml'
import type { Node, Pair, Scalar } from 'yaml'
import type { Setting } from './setting.ts'

const maxDepth = 200

/** A parsed tree takes some fifty times the room of its text. */
const maxTreeLength = 500_000

interface YamlSettings {
  /** The settings of each document. */
  documents: Setting[][]
  isWhole: boolean
}

/**
 * Documents of a stream are parsed one at a time, so that only one tree is in the heap.
 *
 * @param hits indexes of words that name secrets, in ascending order: a document without any is left out.
 * @throws `RangeError` on hostile nesting; templates and other errors leave the settings that were
 * understood.
 */
export function readYaml(text: string, hits: readonly number[]): YamlSettings {
  const result: YamlSettings = { documents: [], isWhole: true }
  let position = 0
  for (const [start, end] of documentRanges(text)) {
    while (position < hits.length && hits[position]! < start) position++
    if (position === hits.length || hits[position]! >= end) continue
    if (end - start > maxTreeLength) result.isWhole = false
    else addDocuments(text.slice(start, end), start, result)
  }
  return result
}

/** No value of YAML has a line that begins with three hyphens. */
function* documentRanges(text: string): Generator<[start: number, end: number]> {
  let start = 0
  for (const { index } of text.matchAll(/^---(?=\s)/gm)) {
    if (index > start) yield [start, index]
    start = index
  }
  yield [start, text.length]
}

function addDocuments(text: string, offset: number, result: YamlSettings): void {
  const documents = parseAllDocuments(text, { logLevel: 'silent', uniqueKeys: false })
  if (!Array.isArray(documents)) return
  for (const document of documents) {
    const settings: Setting[] = []
    collect(document.contents, [], settings)
    for (const setting of settings) {
      setting.start += offset
      setting.end += offset
    }
    result.documents.push(settings)
    if (document.errors.length > 0) result.isWhole = false
  }
}

function collect(node: Node | null | undefined, path: readonly string[], settings: Setting[]): void {
  if (path.length > maxDepth || node === null || node === undefined || isAlias(node)) return
  if (isMap(node)) {
    for (const { key, value } of node.items as Pair<Node, Node | null>[])
      collect(value, [...path, isScalar(key) ? String(key.value) : ''], settings)
  } else if (isSeq(node)) {
    node.items.forEach((item, index) => collect(item as Node, [...path, String(index)], settings))
  } else if (isScalar(node)) collectScalar(node, path, settings)
}

function collectScalar(node: Scalar, path: readonly string[], settings: Setting[]): void {
  const [start, end] = node.range ?? [0, 0]
  const isEncrypted = node.tag !== undefined && node.tag.startsWith('!')
  if (isEncrypted || (typeof node.value !== 'string' && typeof node.value !== 'number')) return
  const isQuoted = node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE'
  const value = typeof node.value === 'string' ? node.value : (node.source ?? String(node.value))
  settings.push({ path, value, start: isQuoted ? start + 1 : start, end: isQuoted ? end - 1 : end })
}
