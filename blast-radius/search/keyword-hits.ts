// Where the words of all rules, and the names of secrets, stand in a text.
import { KeywordIndex } from './keyword-index.ts'
import { formRules } from './rules/published-rules.ts'
import type { FormRule } from './rules/published-rules.ts'
import type { Rule } from './rules/rule.ts'
import { sureRules } from './rules/rules.ts'

export interface KeywordHits {
  /** The starts of each rule's keywords, in ascending order. */
  sure: ReadonlyMap<Rule, readonly number[]>
  /** The ends of each rule's keywords, in ascending order. */
  forms: ReadonlyMap<FormRule, readonly number[]>
  /** An index within each name of a secret, in ascending order of their ends. */
  naming: readonly number[]
}

/** Words that name a secret: settings are read around them. */
const namingWords = [
  ...[
    'secret',
    'token',
    'passw',
    'passphrase',
    'passcode',
    'requirepass',
    'masterauth',
    'pwd',
    'credential',
    'creds',
    'bearer',
    '"psk"',
  ],
  ...[
    'apikey',
    'accesskey',
    'privatekey',
    'secretkey',
    'authkey',
    '_key',
    '-key',
    '.key',
    ' key',
    '"key"',
    '_auth',
    '_psk',
    '_pat',
  ],
  ...['key:', 'key =', 'key=', 'key>', "key'", 'key"', 'key`', '_pass', '-pass', '.pass', 'dbpass', 'pgpass'],
  ...["pass'", 'pass"', 'pass:', 'pass =', 'pass=', 'pass>', '"pass'],
]

const words = [
  ...new Set([
    ...namingWords,
    ...sureRules.flatMap(({ keywords }) => keywords),
    ...formRules.flatMap(({ keywords }) => keywords),
  ]),
]
/** Where the name itself begins, in a word that begins with a sign. */
const offsets = namingWords.map((word) => word.search(/[a-z]/))
const positionOfWord = new Map(words.map((word, position) => [word, position]))
const sureRulesOf = rulesByWord(sureRules)
const formRulesOf = rulesByWord(formRules)
const index = new KeywordIndex(words)

function rulesByWord<Kind extends { keywords: readonly string[] }>(rules: readonly Kind[]): Kind[][] {
  const byWord: Kind[][] = words.map(() => [])
  for (const rule of rules)
    for (const keyword of rule.keywords) byWord[positionOfWord.get(keyword)!]!.push(rule)
  return byWord
}

/** Whether a text can hold a credential at all: most files have none of the words. */
export function mayHoldCredential(bytes: Uint8Array): boolean {
  return index.matchesBytes(bytes)
}

export function findKeywords(text: string): KeywordHits {
  const sure = new Map<Rule, number[]>()
  const forms = new Map<FormRule, number[]>()
  const naming: number[] = []
  index.visit(text, (word, end) => {
    const start = end - words[word]!.length
    if (word < namingWords.length) naming.push(start + offsets[word]!)
    for (const rule of formRulesOf[word]!) append(forms, rule, end)
    for (const rule of sureRulesOf[word]!) append(sure, rule, start)
  })
  return { sure, forms, naming }
}

function append<Key>(lists: Map<Key, number[]>, key: Key, position: number): void {
  const list = lists.get(key)
  if (list === undefined) lists.set(key, [position])
  else list.push(position)
}
