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
   */
  find: (text: string, path: string) => Iterable<Match>
}

/** A rule of one expression, whose group `value` is the value, and `owner`, if it has that, the owner. */
export function patternRule(
  keywords: readonly string[],
  kind: KindName,
  pattern: RegExp,
  isValue: (value: string) => boolean = () => true,
): Rule {
  return {
    keywords,
    *find(text) {
      for (const match of text.matchAll(pattern)) {
        const value = match.groups!['value']!
        if (!isValue(value)) continue
        const start = match.index + match[0].lastIndexOf(value)
        yield { kind, start, end: start + value.length, owner: match.groups!['owner'] ?? null }
      }
    },
  }
}
