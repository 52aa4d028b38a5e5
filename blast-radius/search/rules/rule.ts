import type { KindName } from '../kinds.ts'

/** Within the scan of one text: where a value begins and ends, in characters. */
export interface Match {
  kind: KindName
  start: number
  end: number
  owner: string | null
  expiresMs?: number | null
  setting?: string
  /** Not reported, and no other rule may report it: a key's id beside its secret, a public token. */
  isHarmless?: boolean
}

export interface Rule {
  /** In lower case: a text without any of them has no match. */
  keywords: readonly string[]
  /**
   * Takes time linear in the text: no repetition within a repetition, and none without an upper bound
   * beside another.
   *
   * @param starts of the rule's keywords in the text, in ascending order.
   */
  find: (text: string, starts: readonly number[], path: string) => Iterable<Match>
}

/**
 * A rule of one sticky expression, which begins with a keyword. Its group `value` is the value, and `owner`,
 * if it has that, the owner.
 */
export function patternRule(
  keywords: readonly string[],
  kind: KindName,
  pattern: RegExp,
  isValue: (value: string) => boolean = () => true,
): Rule {
  return {
    keywords,
    *find(text, starts) {
      for (const match of matchesAt(pattern, text, starts)) {
        const value = match.groups!['value']!
        if (!isValue(value)) continue
        const start = match.index + match[0].lastIndexOf(value)
        yield { kind, start, end: start + value.length, owner: match.groups!['owner'] ?? null }
      }
    },
  }
}

/**
 * A search of the whole text for each rule would cost most of the time: only what begins with a keyword is
 * compared.
 *
 * @param pattern a sticky expression.
 */
export function* matchesAt(
  pattern: RegExp,
  text: string,
  starts: readonly number[],
): Generator<RegExpExecArray> {
  for (const start of starts) {
    pattern.lastIndex = start
    const match = pattern.exec(text)
    if (match !== null) yield match
  }
}
