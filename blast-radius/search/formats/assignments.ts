// Assignments in text without a grammar of its own: lines of settings, shell, source code, prose. `dotenv`,
// `ini` and HCL are read here too, since their parsers tell no positions
// (docs/adr/0014-published-rules-of-secrets.md). Each is read around a word that names a secret, in time
// linear in the length of a line.
import type { Setting } from './setting.ts'

/**
 * An unquoted right side is a value in `settings` and `shell`, an expression in `code`, maybe a word in
 * `prose`.
 */
export type Grammar = 'settings' | 'shell' | 'code' | 'prose'

export interface Assignment extends Setting {
  isQuoted: boolean
}

const maxNameLength = 80
const maxValueLength = 4000
const nameCharacter = /[\w.$-]/
const closing: Readonly<Record<string, string>> = { '"': '"', "'": "'", '`': '`' }

/** @param at an index within the name. Null if no value is assigned to it. */
export function readAssignment(text: string, at: number, grammar: Grammar): Assignment | null {
  const [nameStart, nameEnd] = nameAround(text, at)
  const name = text.slice(nameStart, nameEnd).replace(/^[-.$]+|[-.]+$/g, '')
  const separator = separatorAfter(text, nameStart, nameEnd, grammar)
  if (separator === null) return null
  const value = readValue(text, separator.end, grammar, separator.needsQuotes)
  return value === null ? null : { path: [name], ...value }
}

function nameAround(text: string, at: number): [start: number, end: number] {
  let start = at
  while (start > 0 && at - start < maxNameLength && nameCharacter.test(text[start - 1]!)) start--
  let end = at
  while (end < text.length && end - at < maxNameLength && nameCharacter.test(text[end]!)) end++
  return [start, end]
}

interface Separator {
  end: number
  /** A value without quotes after this would be another word of a sentence, or an expression. */
  needsQuotes: boolean
}

const sticky = {
  /**
   * `"name": value`, `name = value`, `name := value`, `name => value`, `['name'] = value`, `name: string =
   * value`.
   */
  sign: /\\?["'`]?\]?\)?[ \t]{0,40}(?::[ \t]{0,4}(?:str|string|String|&'static str|&str|Final|Final\[str\])[ \t]{0,4}=|:=|=>|\?=|\|\|=|=(?![=~>])|:(?![:=]))[ \t]{0,20}/y,
  /** An attribute of XML: `key="name" value="value"`. */
  attribute: /["'][ \t]{1,20}value[ \t]{0,4}=[ \t]{0,4}/y,
  /** An element of XML: `<name>value</name>`. */
  element: /[ \t]{0,4}>[ \t]{0,4}/y,
  /** An option of a command, in one word or in the next one, maybe of a list in JSON. */
  option: /["']?,?[ \t]{1,4}|["'],[ \t]{0,4}/y,
  /** A function's name or first argument: `setToken("value")`, `define('NAME', 'value')`. */
  call: /["'`]?[ \t]{0,2}[(,][ \t]{0,4}/y,
  /** Prose: the password `value`. */
  words: /["'*_]{0,2}(?:[ \t]{1,2}(?:is|was|to|of)(?:[ \t]{1,2}(?:now|still))?)?:?[ \t]{1,2}/y,
} as const

function separatorAfter(
  text: string,
  nameStart: number,
  nameEnd: number,
  grammar: Grammar,
): Separator | null {
  const end = (pattern: RegExp): number | null => {
    pattern.lastIndex = nameEnd
    return pattern.test(text) ? pattern.lastIndex : null
  }
  const attribute = end(sticky.attribute)
  if (attribute !== null) return { end: attribute, needsQuotes: true }
  const sign = end(sticky.sign)
  if (sign !== null) return { end: sign, needsQuotes: grammar === 'code' }
  if (text[nameStart - 1] === '<') {
    const element = end(sticky.element)
    if (element !== null) return { end: element, needsQuotes: false }
  }
  if (text.startsWith('--', nameStart)) {
    const option = end(sticky.option)
    if (option !== null) return { end: option, needsQuotes: false }
  }
  const call = grammar === 'code' || grammar === 'shell' ? end(sticky.call) : null
  if (call !== null) {
    const isFirstArgument = /\([ \t]{0,2}["'`]$/.test(text.slice(Math.max(0, nameStart - 4), nameStart))
    return isFirstArgument || text.slice(nameEnd, call).includes('(')
      ? { end: call, needsQuotes: true }
      : null
  }
  const words = grammar === 'prose' ? end(sticky.words) : null
  return words === null ? null : { end: words, needsQuotes: true }
}

function readValue(
  text: string,
  from: number,
  grammar: Grammar,
  needsQuotes: boolean,
): Omit<Assignment, 'path'> | null {
  const escaped = text[from] === '\\' && closing[text[from + 1] ?? ''] !== undefined ? 1 : 0
  const quote = closing[text[from + escaped] ?? '']
  if (quote === undefined) return needsQuotes ? null : readBare(text, from, grammar)
  const start = from + escaped + 1
  const end = closingQuote(text, start, quote, escaped === 1)
  if (end === null) return null
  return { value: text.slice(start, end).replace(/\\(["'`\\$])/g, '$1'), start, end, isQuoted: true }
}

function closingQuote(text: string, start: number, quote: string, isEscaped: boolean): number | null {
  for (let index = start; index < text.length && index - start <= maxValueLength; index++) {
    const character = text[index]!
    if (character === '\n') return null
    if (character === '\\') {
      if (isEscaped && text[index + 1] === quote) return index
      index++
    } else if (character === quote) return index
  }
  return null
}

/** A bare value ends at a space, or in files of settings at a comment or the line's end. */
const bare: Readonly<Record<Grammar, RegExp>> = {
  settings: /[^\r\n"'`<>]{1,4000}/y,
  shell: /[^\s"'`<>;&|()]{1,4000}/y,
  code: /[^\s"'`<>;,&|(){}[\]]{1,4000}/y,
  prose: /[^\s"'`<>,;()]{1,4000}/y,
}

function readBare(text: string, start: number, grammar: Grammar): Omit<Assignment, 'path'> | null {
  const pattern = bare[grammar]
  pattern.lastIndex = start
  const raw = pattern.exec(text)?.[0] ?? ''
  const value = withoutTail(raw, grammar)
  return value === '' ? null : { value, start, end: start + value.length, isQuoted: false }
}

function withoutTail(raw: string, grammar: Grammar): string {
  if (grammar === 'prose') return raw.replace(/[.:!?*_]+$/, '')
  if (grammar !== 'settings') return raw
  // Connection strings and URLs have other names behind a sign; a comment begins after a space.
  const value = raw.replace(/[ \t]+[#;].*$/, '').trimEnd()
  return /[;&][ \t]?[\w ]{2,30}=/.test(value)
    ? value.slice(0, value.search(/[;&]/))
    : value.replace(/[,;]$/, '')
}
