// Settings of YAML. Aliases are not followed, so that no document grows by being read.
import { isAlias, isMap, isScalar, isSeq, parseAllDocuments } from 'yaml'
import type { Node, Pair, Scalar } from 'yaml'
import type { Setting } from './setting.ts'

const maxDepth = 200

/**
 * @throws `RangeError` on hostile nesting; templates and other errors leave the settings that were
 * understood.
 */
export function readYaml(text: string): { documents: Setting[][]; isWhole: boolean } {
  const documents = parseAllDocuments(text, { logLevel: 'silent', uniqueKeys: false })
  if (!Array.isArray(documents)) return { documents: [], isWhole: true }
  return {
    documents: documents.map((document) => {
      const settings: Setting[] = []
      collect(document.contents, [], settings)
      return settings
    }),
    isWhole: documents.every(({ errors }) => errors.length === 0),
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
