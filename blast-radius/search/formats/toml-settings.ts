// Settings of TOML.
import { getStaticTOMLValue, parseTOML } from 'toml-eslint-parser'
import type { AST } from 'toml-eslint-parser'
import type { Setting } from './setting.ts'

/** @throws `ParseError` on a document that is none. */
export function readToml(text: string): Setting[] {
  const settings: Setting[] = []
  for (const node of parseTOML(text).body[0].body) {
    if (node.type === 'TOMLKeyValue') collectPair(node, [], settings)
    else for (const pair of node.body) collectPair(pair, node.resolvedKey.map(String), settings)
  }
  return settings
}

function collectPair(pair: AST.TOMLKeyValue, outer: readonly string[], settings: Setting[]): void {
  collectContent(pair.value, [...outer, ...getStaticTOMLValue(pair.key).map(String)], settings)
}

function collectContent(node: AST.TOMLContentNode, path: readonly string[], settings: Setting[]): void {
  if (node.type === 'TOMLInlineTable') for (const pair of node.body) collectPair(pair, path, settings)
  else if (node.type === 'TOMLArray')
    node.elements.forEach((element, index) => collectContent(element, [...path, String(index)], settings))
  else if (node.kind === 'string') {
    const width = node.multiline ? 3 : 1
    settings.push({ path, value: node.value, start: node.range[0] + width, end: node.range[1] - width })
  }
}
