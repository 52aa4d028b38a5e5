// Regular expressions of Go (RE2) as those of JavaScript. Node 22 has no inline flags, so their effect is
// written out.

interface Flags {
  ignoreCase: boolean
  dotAll: boolean
}

const posixClasses: Readonly<Record<string, string>> = {
  alnum: 'A-Za-z0-9',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  xdigit: '0-9A-Fa-f',
}

/**
 * The end of a value in the published rules: it knows quotes and line ends, and neither commas nor
 * brackets.
 */
const publishedEnd = String.raw`(?:\\?['"\x60]|[\s;]|\\[nr]|$)`
/** A value ends where no character follows that a longer value could have. */
const anyEnd = '(?![A-Za-z0-9_+/=-])'

/** @throws `SyntaxError` if JavaScript has no such expression. */
export function translate(source: string): { source: string; flags: string } {
  const body = source.endsWith(publishedEnd) ? source.slice(0, -publishedEnd.length) + anyEnd : source
  const ignoresCaseThroughout = /^\(\?i\)/.test(body) && !/\(\?-/.test(body)
  const reader = new Reader(ignoresCaseThroughout ? body.slice(4) : body, ignoresCaseThroughout)
  const translated = { source: reader.read(), flags: ignoresCaseThroughout ? 'gi' : 'g' }
  new RegExp(translated.source, translated.flags)
  return translated
}

class Reader {
  private readonly text: string
  private readonly hasFlag: boolean
  private index = 0
  private flags: Flags = { ignoreCase: false, dotAll: false }
  private readonly outer: Flags[] = []

  constructor(text: string, hasFlag: boolean) {
    this.text = text
    this.hasFlag = hasFlag
  }

  read(): string {
    let result = ''
    while (this.index < this.text.length) result += this.readNext()
    return result
  }

  private readNext(): string {
    const character = this.text[this.index]!
    if (character === '\\') return this.readEscape(false)
    if (character === '[') return this.readClass()
    if (character === '(') return this.openGroup()
    this.index++
    if (character === ')') this.flags = this.outer.pop() ?? this.flags
    if (character === '.' && this.flags.dotAll) return String.raw`[\s\S]`
    return this.withBothCases(character, false)
  }

  private openGroup(): string {
    const flagged = /^\(\?([is]*)(?:-([is]+))?([:)])/.exec(this.text.slice(this.index))
    const named = /^\(\?P</.exec(this.text.slice(this.index))
    if (flagged !== null && (flagged[1] !== '' || flagged[2] !== undefined)) {
      const [match, on, off, end] = flagged
      if (end === ':') this.outer.push(this.flags)
      this.flags = withFlags(this.flags, on!, off ?? '')
      this.index += match.length
      return end === ':' ? '(?:' : ''
    }
    this.outer.push(this.flags)
    const opening =
      named === null ? (/^\((?:\?(?:[:=!]|<[=!]))?/.exec(this.text.slice(this.index))?.[0] ?? '(') : '(?P<'
    this.index += opening.length
    return named === null ? opening : '(?<'
  }

  private readClass(): string {
    let result = '['
    this.index++
    if (this.text[this.index] === '^') result += this.text[this.index++]!
    if (this.text[this.index] === ']') {
      result += String.raw`\]`
      this.index++
    }
    while (this.text[this.index] !== ']') {
      const posix = /^\[:(\w+):\]/.exec(this.text.slice(this.index))
      const range = /^([A-Za-z])-([A-Za-z])/.exec(this.text.slice(this.index))
      if (posix !== null) {
        result += posixClasses[posix[1]!]!
        this.index += posix[0].length
      } else if (range !== null) {
        result += this.withBothCases(range[0], true)
        this.index += range[0].length
      } else if (this.text[this.index] === '\\') result += this.readEscape(true)
      else {
        const character = this.text[this.index++]!
        result += character === '[' ? String.raw`\[` : this.withBothCases(character, true)
      }
    }
    this.index++
    return `${result}]`
  }

  private readEscape(isInClass: boolean): string {
    const escape = /^\\(?:x[0-9A-Fa-f]{2}|[\s\S])/.exec(this.text.slice(this.index))![0]
    this.index += escape.length
    return escape === String.raw`\z` && !isInClass ? '$' : escape
  }

  private withBothCases(text: string, isInClass: boolean): string {
    if (!this.flags.ignoreCase || this.hasFlag || !/[A-Za-z]/.test(text)) return text
    const both = `${text.toLowerCase()}${text.toUpperCase()}`
    return isInClass ? both : `[${both}]`
  }
}

function withFlags(flags: Flags, on: string, off: string): Flags {
  return {
    ignoreCase: off.includes('i') ? false : flags.ignoreCase || on.includes('i'),
    dotAll: off.includes('s') ? false : flags.dotAll || on.includes('s'),
  }
}
