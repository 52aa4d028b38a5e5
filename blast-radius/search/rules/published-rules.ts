// Forms of tokens that others publish and keep current: docs/adr/0014-published-rules-of-secrets.md.
import { kindOf } from '../kinds.ts'
import type { KindName } from '../kinds.ts'
import { entropyOf, isLiteral, isPlaceholder, isRandom } from '../naming/secret-value.ts'
import type { Match } from './rule.ts'
import published from './published-rules.json' with { type: 'json' }

export interface PublishedRule {
  id: string
  /** A regular expression; its first group that took part is the value. */
  source: string
  flags: string
  /** In lower case: a text without any of them has no match. */
  keywords: readonly string[]
  /** Shannon entropy, in bits for each character. */
  minEntropy: number
  /** The value has no form of its own: the rule goes by a name beside it. */
  isByName?: true
}

/**
 * A rule that looks only around its keywords, so that its expression never sees more than a few kilobytes.
 */
export interface FormRule {
  keywords: readonly string[]
  isByName: boolean
  find: (text: string, keywordEnd: number) => Match | null
}

/** Names stand before a keyword, and tokens after it. */
const charactersBefore = 200
const charactersAfter = 1200

export const formRules: readonly FormRule[] = (published.rules as readonly PublishedRule[]).map(compile)

function compile({ id, source, flags, keywords, minEntropy, isByName }: PublishedRule): FormRule {
  let pattern: RegExp | undefined
  const kind: KindName = kindOf(id) ?? 'service'
  const owner =
    kind === 'service' ? id.replace(/-(?:api|access|personal|secret|token|key|oauth|client)\b.*$/, '') : null
  return {
    keywords,
    isByName: isByName === true,
    find(text, keywordEnd) {
      pattern ??= new RegExp(source, flags)
      const from = Math.max(0, keywordEnd - charactersBefore)
      const slice = text.slice(from, keywordEnd + charactersAfter)
      for (const match of slice.matchAll(pattern)) {
        if (match.index + match[0].length + from < keywordEnd) continue
        const value = match.slice(1).find((group) => group !== undefined && group !== '') ?? match[0]
        if (!isPlausible(value, minEntropy, isByName === true)) continue
        const start = from + match.index + match[0].lastIndexOf(value)
        return { kind, owner, start, end: start + value.length }
      }
      return null
    },
  }
}

function isPlausible(value: string, minEntropy: number, isByName: boolean): boolean {
  return (
    !isPlaceholder(value) &&
    entropyOf(value) >= minEntropy &&
    (!isByName || (isLiteral(value) && isRandom(value)))
  )
}
