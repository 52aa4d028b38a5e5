// A pattern of .gitignore, compared with a path in time that is bounded by the length of the pattern times the length
// of the path: users of a source choose its names, and a regular expression can be made to backtrack for hours.
// Patterns and paths are bytes in latin1, a character for each byte, as in Git.
import { HoldfastError } from '../errors.ts'

const maxPatternBytes = 4096

/** Any number of directories, also none. */
const anyDirectories = Symbol('**')
/** Any number of bytes of one name, also none. */
const anyText = Symbol('*')
const anyByte = Symbol('?')

/** One byte, a class of bytes, or a wildcard. */
type Token = string | ReadonlySet<string> | typeof anyText | typeof anyByte
type NamePattern = readonly Token[]

export interface PathPattern {
  /** A pattern that begins with `!` takes entries back in. */
  readonly isNegated: boolean
  readonly needsDirectory: boolean
  /** From the root of the source. */
  readonly components: readonly (NamePattern | typeof anyDirectories)[]
}

/**
 * @param text as in a line of .gitignore that is neither empty nor a comment.
 * @throws `invalid-input` for a pattern that fits nothing.
 */
export function parsePattern(text: string): PathPattern {
  if (text.length > maxPatternBytes) throw invalid(text, `it has more than ${maxPatternBytes} bytes`)
  const isNegated = text.startsWith('!')
  const body = isNegated ? text.slice(1) : text
  const needsDirectory = body.endsWith('/')
  const names = (needsDirectory ? body.slice(0, -1) : body).split('/')
  // A pattern without a slash fits a name at any depth.
  if (names.length === 1) names.unshift('**')
  else if (names[0] === '') names.shift()
  // All that lies in a directory, and not the directory itself.
  if (names.at(-1) === '**') names.push('*')
  if (names.some((name) => name === '' || name === '.' || name === '..'))
    throw invalid(text, 'a name in it is empty, `.` or `..`')
  const components = names.map((name) => (name === '**' ? anyDirectories : parseName(name, text)))
  return { isNegated, needsDirectory, components }
}

/** @param names of the entry's path, from the root of the source. */
export function fits(
  { components, needsDirectory }: PathPattern,
  names: readonly string[],
  isDirectory: boolean,
): boolean {
  if (needsDirectory && !isDirectory) return false
  return fitsSequence(
    components,
    names,
    (component) => component === anyDirectories,
    (component, name) => component !== anyDirectories && fitsName(component, name),
  )
}

/** True if an entry that the pattern fits may lie below the directory with these names. */
export function mayFitBelow({ components }: PathPattern, names: readonly string[]): boolean {
  const wildcard = components.indexOf(anyDirectories)
  const fixed = wildcard === -1 ? components : components.slice(0, wildcard)
  if (wildcard === -1 && names.length >= fixed.length) return false
  return fixed
    .slice(0, names.length)
    .every((component, index) => component !== anyDirectories && fitsName(component, names[index]!))
}

/** The names with which each path begins that the pattern fits. */
export function literalNames({ components }: PathPattern): string[] {
  const names: string[] = []
  for (const component of components) {
    if (component === anyDirectories || !component.every((token) => typeof token === 'string')) break
    names.push(component.join(''))
  }
  return names
}

function fitsName(pattern: NamePattern, name: string): boolean {
  return fitsSequence(pattern, name, (token) => token === anyText, fitsByte)
}

function fitsByte(token: Token, byte: string): boolean {
  return token === byte || token === anyByte || (typeof token === 'object' && token.has(byte))
}

/**
 * Where an item doesn't fit, only the last part that stands for any number of items takes one more. The earlier
 * ones need not: what they could leave to the parts behind them is no more than they did.
 */
function fitsSequence<Part, Item>(
  parts: readonly Part[],
  items: ArrayLike<Item>,
  isAny: (part: Part) => boolean,
  fitsItem: (part: Part, item: Item) => boolean,
): boolean {
  let part = 0
  let item = 0
  let anyPart = -1
  let anyItem = 0
  while (item < items.length) {
    if (part < parts.length && isAny(parts[part]!)) {
      anyPart = part++
      anyItem = item
    } else if (part < parts.length && fitsItem(parts[part]!, items[item]!)) {
      part++
      item++
    } else if (anyPart >= 0) {
      part = anyPart + 1
      item = ++anyItem
    } else return false
  }
  while (part < parts.length && isAny(parts[part]!)) part++
  return part === parts.length
}

function parseName(name: string, text: string): NamePattern {
  const tokens: Token[] = []
  for (let at = 0; at < name.length; at++) {
    const byte = name[at]!
    if (byte === '*') {
      if (tokens.at(-1) !== anyText) tokens.push(anyText)
    } else if (byte === '?') tokens.push(anyByte)
    else if (byte === '[') {
      const { bytes, end } = parseClass(name, at + 1, text)
      tokens.push(bytes)
      at = end
    } else {
      const literal = readByte(name, at, text)
      tokens.push(literal.byte)
      at = literal.end
    }
  }
  return tokens
}

/**
 * `\xff` is a byte, as in all paths that the commands take and show; before another byte, a backslash takes it as it
 * is.
 */
function readByte(name: string, at: number, text: string): { byte: string; end: number } {
  if (name[at] !== '\\') return { byte: name[at]!, end: at }
  const hex = /^x([0-9a-fA-F]{2})/.exec(name.slice(at + 1, at + 4))
  if (hex !== null) return { byte: String.fromCharCode(Number.parseInt(hex[1]!, 16)), end: at + 3 }
  const byte = name[at + 1]
  if (byte === undefined) throw invalid(text, 'a backslash ends a name')
  return { byte, end: at + 1 }
}

/** Reads a class from behind its bracket: `[abc]`, `[a-z]`, `[!a]`, `[^a]`, `[]a]`. */
function parseClass(name: string, start: number, text: string): { bytes: Set<string>; end: number } {
  const isInverted = name[start] === '!' || name[start] === '^'
  const first = start + (isInverted ? 1 : 0)
  const listed = new Set<string>()
  for (let at = first; at < name.length; at++) {
    if (name[at] === ']' && at > first) return { bytes: isInverted ? without(listed) : listed, end: at }
    if (name[at] === '[' && name[at + 1] === ':')
      throw invalid(text, 'classes such as [:alpha:] are not supported')
    const low = readByte(name, at, text)
    at = low.end
    const isRange = name[at + 1] === '-' && name[at + 2] !== undefined && name[at + 2] !== ']'
    const high = isRange ? readByte(name, at + 2, text) : low
    at = high.end
    if (high.byte < low.byte) throw invalid(text, 'a range in it is the wrong way round')
    for (const byte of allBytes) if (byte >= low.byte && byte <= high.byte) listed.add(byte)
  }
  throw invalid(text, 'a bracket in it is not closed')
}

const allBytes = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code))

function without(bytes: ReadonlySet<string>): Set<string> {
  return new Set(allBytes.filter((byte) => !bytes.has(byte)))
}

function invalid(text: string, reason: string): HoldfastError {
  const shown = Buffer.from(text.slice(0, 200), 'latin1').toString()
  return new HoldfastError('invalid-input', `the pattern ${JSON.stringify(shown)} can't be used: ${reason}`, {
    hint: 'write it as in .gitignore; a backslash before `*`, `?`, `[` or `\\` takes the byte itself',
  })
}
