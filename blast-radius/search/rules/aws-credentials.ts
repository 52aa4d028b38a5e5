// AWS: a key's id with its secret, wherever in the file that is, and what signing in leaves.
import { awsAccountOf } from './aws-key-id.ts'
import { matchesAt } from './rule.ts'
import type { Match, Rule } from './rule.ts'

const keyId = /(?<![A-Z0-9])A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Z0-9])/y
const anySecret = /(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g
/**
 * In Terraform, comments and tags may stand between a key and its secret; in its state, the secret is named
 * `secret`.
 */
const namedSecret =
  /(?:secret_?(?:access_?)?key|"secret")["']?\s{0,8}[:=]\s{0,8}\\?["']?(?<value>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])/gi
/** A secret without a name stands within this many characters of its key. */
const neighbourhood = 400
const documentedKey = /EXAMPLE$/

interface Secret {
  index: number
  value: string
}

/** A key's id alone opens nothing; a secret alone is found by its name. */
export const awsPairs: Rule = {
  keywords: ['akia', 'asia'],
  *find(text, starts) {
    const ids = [...matchesAt(keyId, text, starts)]
    // Most words that begin so are names of the continent.
    if (ids.length === 0) return
    const named = [...text.matchAll(namedSecret)].map((match) => secretAt(match))
    const secrets = [...text.matchAll(anySecret)]
      .map((match) => secretAt(match))
      .filter(({ value }) => isRandomSecret(value))
    const paired = new Set<number>()
    for (const { index, 0: id } of ids) {
      const secret =
        nearest(named, index, paired, text.length) ?? nearest(secrets, index, paired, neighbourhood)
      if (secret === null || documentedKey.test(id)) continue
      paired.add(secret.index)
      yield* pairAt(text, { index, value: id }, secret)
    }
  },
}

function secretAt({ index, 0: match, groups }: RegExpExecArray): Secret {
  const value = groups?.['value'] ?? match
  return { index: index + match.lastIndexOf(value), value }
}

function nearest(
  secrets: readonly Secret[],
  index: number,
  paired: ReadonlySet<number>,
  maxDistance: number,
): Secret | null {
  let best: Secret | null = null
  let [low, high] = [0, secrets.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (secrets[middle]!.index < index) low = middle + 1
    else high = middle
  }
  // At most a few of the nearest ones can be taken already.
  for (const candidate of secrets.slice(Math.max(0, low - 4), low + 4)) {
    const distance = Math.abs(candidate.index - index)
    if (distance > maxDistance || paired.has(candidate.index) || documentedKey.test(candidate.value)) continue
    if (best === null || distance < Math.abs(best.index - index)) best = candidate
  }
  return best
}

function* pairAt(text: string, key: Secret, secret: Secret): Iterable<Match> {
  const isSession = key.value.startsWith('ASIA')
  const kind = isSession ? 'aws-session' : 'aws-key'
  const near = text.slice(Math.max(0, key.index - neighbourhood), key.index + 4 * neighbourhood)
  const account = awsAccountOf(key.value)
  const owners = [account === null ? null : `account ${account}`, profileBefore(text, key.index)]
  yield {
    kind,
    start: secret.index,
    end: secret.index + secret.value.length,
    owner: owners.filter((owner) => owner !== null).join(', ') || null,
    expiresMs: isSession
      ? timeIn(near, /"?Expir(?:ation|es?|esAt)"?\s{0,4}[:=]\s{0,4}"?([0-9TZ:.+-]{10,35})/i)
      : null,
  }
  // The id is no secret, but other rules would take it for one.
  yield { kind, start: key.index, end: key.index + key.value.length, owner: null, isHarmless: true }
}

/** The `[profile]` of a credentials file that a position lies in. */
function profileBefore(text: string, index: number): string | null {
  const from = Math.max(0, index - 2000)
  const names = [...text.slice(from, index).matchAll(/^\[(?:profile )?([\w.@ -]{1,64})\][ \t\r]*$/gm)]
  return names.length === 0 ? null : `profile ${names.at(-1)![1]!}`
}

/** A hash in hexadecimal, a path or a word repeated is no key. */
function isRandomSecret(value: string): boolean {
  return !/^[0-9a-f]+$/.test(value) && new Set(value).size > 15 && /[A-Z]/.test(value) && /[a-z]/.test(value)
}

/** The caches of `aws sso login` and `aws login`. */
export const awsSignIn: Rule = {
  keywords: ['"starturl"', '"registrationexpiresat"', '"dpopkey"'],
  *find(text) {
    const owner = /"startUrl"\s{0,4}:\s{0,4}"https:\/\/([\w.-]{1,100})/.exec(text)?.[1] ?? null
    const expiresMs = timeIn(text, /"expiresAt"\s{0,4}:\s{0,4}"([0-9TZ:.+-]{10,35})"/)
    const values =
      /"(?<name>accessToken|refreshToken|clientSecret|idToken)"\s{0,4}:\s{0,4}"(?<value>[^"\n]{8,10000})"/g
    for (const { index, 0: match, groups } of text.matchAll(values)) {
      const start = index + match.length - 1 - groups!['value']!.length
      yield {
        kind: 'aws-sso',
        start,
        end: start + groups!['value']!.length,
        owner,
        // A refresh token outlives the token beside it.
        expiresMs: groups!['name'] === 'accessToken' ? expiresMs : null,
      }
    }
  },
}

function timeIn(text: string, pattern: RegExp): number | null {
  const timeMs = Date.parse(pattern.exec(text)?.[1] ?? '')
  return Number.isNaN(timeMs) ? null : timeMs
}
