// Parses and renders XML. Hostile documents are refused before they are parsed, and text is escaped as AWS
// escapes it.

import { XMLParser, XMLValidator } from 'fast-xml-parser'
import { AwsError } from './aws-error.ts'

export type XmlNode = string | { [name: string]: XmlNode | XmlNode[] }

const malformed = (cause?: unknown) =>
  new AwsError(
    400,
    'MalformedXML',
    'The XML you provided was not well-formed or did not validate against our published schema',
    { cause },
  )

const maxNesting = 24

// The parser decodes no entities: documents with a document type are refused, and XML's own five entities are
// decoded below.
const parser = new XMLParser({
  ignoreAttributes: true,
  processEntities: false,
  parseTagValue: false,
  trimValues: false,
  removeNSPrefix: true,
})

/**
 * The root element of a document, which must have one of `names`. Text only, without attributes. Throws
 * MalformedXML.
 */
export function parseXml(document: Buffer, ...names: string[]): XmlNode {
  const text = decodeUtf8(document)
  if (/<!(?!--|\[CDATA\[)/.test(text) || text.includes('\0')) throw malformed()
  checkNesting(text)
  let tree: unknown
  try {
    if (XMLValidator.validate(text) !== true) throw malformed()
    tree = parser.parse(text)
  } catch (error) {
    throw error instanceof AwsError ? error : malformed(error)
  }
  const roots = Object.entries(tree as Record<string, unknown>).filter(
    ([name]) => !name.startsWith('?') && name !== '#text',
  )
  const [root] = roots
  if (roots.length !== 1 || root === undefined || !names.includes(root[0]) || Array.isArray(root[1]))
    throw malformed()
  return decodeNode(root[1])
}

function decodeUtf8(document: Buffer): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(document)
  } catch (error) {
    throw malformed(error)
  }
}

// Runs before the parser, because a deeply nested document would exhaust the parser's recursion.
function checkNesting(text: string): void {
  let depth = 0
  for (const match of text.matchAll(/<(\/?)[^!?][^>]*?(\/?)>/g)) {
    if (match[1] === '/') depth -= 1
    else if (match[2] !== '/') depth += 1
    if (depth > maxNesting) throw malformed()
  }
}

function decodeNode(value: unknown): XmlNode {
  if (typeof value === 'string') return decodeEntities(value)
  if (typeof value !== 'object' || value === null) throw malformed()
  const node = Object.create(null) as { [name: string]: XmlNode | XmlNode[] }
  for (const [name, child] of Object.entries(value)) {
    if (name === '#text') {
      // White space between elements is allowed; no schema of S3's has other text beside elements.
      if (typeof child !== 'string' || child.trim() !== '') throw malformed()
      continue
    }
    node[name] = Array.isArray(child) ? child.map(decodeNode) : decodeNode(child)
  }
  return node
}

const named: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function decodeEntities(text: string): string {
  if (!text.includes('&')) return text
  return text.replace(/&([^;]{0,12};?)/g, (_whole, body: string) => {
    const name = body.slice(0, -1)
    if (!body.endsWith(';')) throw malformed()
    const plain = Object.hasOwn(named, name) ? named[name] : undefined
    if (plain !== undefined) return plain
    const number = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(name)
    const code =
      number === null
        ? Number.NaN
        : Number.parseInt(number[1] ?? number[2] ?? '', number[1] === undefined ? 10 : 16)
    if (!(code > 0 && code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) throw malformed()
    return String.fromCodePoint(code)
  })
}

/** The one child element `name` of `node`, or null. Throws MalformedXML if there are several. */
export function childOf(node: XmlNode, name: string): XmlNode | null {
  if (typeof node === 'string') {
    if (node.trim() !== '') throw malformed()
    return null
  }
  const child = node[name]
  if (Array.isArray(child)) throw malformed()
  return child ?? null
}

/** Every child element `name` of `node`. */
export function childrenOf(node: XmlNode, name: string): XmlNode[] {
  if (typeof node === 'string') return []
  const child = node[name]
  return child === undefined ? [] : Array.isArray(child) ? child : [child]
}

/** The text of the one child `name`, or null. Throws MalformedXML if the child has elements. */
export function textOf(node: XmlNode, name: string): string | null {
  const child = childOf(node, name)
  if (child === null) return null
  if (typeof child !== 'string') throw malformed()
  return child
}

/** Throws MalformedXML for an element that the schema doesn't have. */
export function expectOnly(node: XmlNode, ...names: string[]): void {
  if (typeof node === 'string') {
    if (node.trim() !== '') throw malformed()
    return
  }
  if (Object.keys(node).some((name) => !names.includes(name))) throw malformed()
}

export function refuseXml(): never {
  throw malformed()
}

/** Content of an element. Null and undefined omit the element; an array holds its children. */
type XmlContent = string | number | boolean | null | undefined | XmlElement[]
export type XmlElement = [name: string, content: XmlContent]

export function renderXml(root: string, namespace: string | null, content: XmlElement[] | string): string {
  const attributes = namespace === null ? '' : ` xmlns="${namespace}"`
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attributes}>${typeof content === 'string' ? escapeXml(content) : renderElements(content)}</${root}>`
}

function renderElements(elements: XmlElement[]): string {
  let text = ''
  for (const [name, content] of elements) {
    if (content === null || content === undefined) continue
    text += `<${name}>${Array.isArray(content) ? renderElements(content) : escapeXml(String(content))}</${name.split(' ', 1)[0]}>`
  }
  return text
}

const escapes: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' }

/**
 * Escapes control characters too, as S3 does, although XML 1.0 forbids them. Clients use `encoding-type=url`
 * for such keys.
 */
function escapeXml(text: string): string {
  return text.replace(
    /[&<>"\u0000-\u001f\u007f\ufffe\uffff]/g,
    (character) => escapes[character] ?? `&#x${character.charCodeAt(0).toString(16)};`,
  )
}
