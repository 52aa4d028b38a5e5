// What the kept scanner lacks: credentials by their shape or by what stands beside them, with their owner. Every expression
// takes time linear in the text: no repetition within a repetition, and none without an upper bound beside another.
import type { Match } from './finding.ts'
import { awsAccountOf } from './aws-key-id.ts'

type Rule = (text: string, path: string) => Iterable<Match>

/** A value that stands for one: nobody can use it. */
const placeholder =
  /^(?:\*+|x+|<.*>|\$\{?.*|%.*%|\{\{.*|changeme|change[-_]me|example|placeholder|your[-_].*|todo|none|null|undefined|true|false)$/i

const awsKeyId = /(?<![A-Z0-9])A(?:KIA|SIA)[A-Z2-7]{16}(?![A-Z0-9])/g
const awsSecret = /(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])/g
/** A secret stands within this many characters of its key. */
const neighbourhood = 400
const uuid = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'

export const rules: readonly Rule[] = [
  findAwsPairs,
  findSso,
  byPattern(new RegExp(`(?:RAILWAY_(?:API_)?TOKEN["']?\\s{0,8}[:=]\\s{0,8}["']?)(${uuid})`, 'gi'), 'railway'),
  // How Railway takes the token of one project.
  byPattern(new RegExp(`Project-Access-Token["']?\\s{0,4}[:=,]\\s{0,4}["']?(${uuid})`, 'gi'), 'railway'),
  findBearers,
  findRailwayLogin,
  byPattern(/(?<![A-Za-z0-9])(pul-[0-9a-f]{40})(?![0-9a-f])/g, 'pulumi'),
  byPattern(/PULUMI_CONFIG_PASSPHRASE["']?\s{0,8}[:=]\s{0,8}["']?([^\s"']{1,200})/g, 'pulumi-passphrase'),
  byPattern(/(?<![A-Za-z0-9])([A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,80})/g, 'terraform'),
  findKubernetes,
  findConnections,
  findKeywordConnections,
  findPgpass,
  byPattern(
    /(?:PGPASSWORD|MYSQL_PWD|REDISCLI_AUTH)["']?\s{0,8}[:=]\s{0,8}["']?([^\s"']{1,200})/g,
    'database',
  ),
  byPattern(
    /^[ \t]{0,40}(?:machine[ \t]{1,8}(?<owner>[\w.-]{1,100})\s{1,8}login[ \t]{1,8}\S{1,100}\s{1,8}password[ \t]{1,8})(\S{1,200})/gm,
    'web-login',
  ),
  findDockerLogins,
  // A key on an elliptic curve is one line long. In JSON its line ends are escapes.
  byPattern(
    /(-----BEGIN (?:[A-Z]{1,10} ){0,2}PRIVATE KEY-----\s{0,4}(?:Proc-Type:[^\n]{1,40}\nDEK-Info:[^\n]{1,80}\n)?(?:\s|\\n|[A-Za-z0-9+/=]){40,20000})/g,
    'private-key',
  ),
]

function byPattern(pattern: RegExp, kind: Match['kind']): Rule {
  return function* (text) {
    for (const match of text.matchAll(pattern)) {
      const value = match.at(-1) !== match.groups?.['owner'] ? match.at(-1)! : match[1]!
      if (placeholder.test(value)) continue
      const start = match.index + match[0].lastIndexOf(value)
      yield { kind, start, end: start + value.length, owner: match.groups?.['owner'] ?? null }
    }
  }
}

/** A key with its nearest secret; the key alone opens nothing. */
function* findAwsPairs(text: string): Iterable<Match> {
  const secrets = [...text.matchAll(awsSecret)]
    .map(({ index, 0: value }) => ({ index, value }))
    .filter(({ value }) => isRandom(value))
  let next = 0
  for (const { index, 0: id } of text.matchAll(awsKeyId)) {
    while (next < secrets.length && secrets[next]!.index < index - neighbourhood) next++
    let nearest: { index: number; value: string } | undefined
    for (let at = next; at < secrets.length && secrets[at]!.index <= index + neighbourhood; at++) {
      const candidate = secrets[at]!
      if (nearest === undefined || Math.abs(candidate.index - index) < Math.abs(nearest.index - index))
        nearest = candidate
    }
    if (nearest === undefined) continue
    const isSession = id.startsWith('ASIA')
    const near = text.slice(Math.max(0, index - neighbourhood), index + 4 * neighbourhood)
    yield {
      kind: isSession ? 'aws-session' : 'aws-key',
      start: nearest.index,
      end: nearest.index + nearest.value.length,
      owner: [ownerOfKey(id), profileBefore(text, index)].filter((each) => each !== null).join(', ') || null,
      expiresMs: isSession
        ? timeIn(near, /"?Expir(?:ation|es?)"?\s{0,4}[:=]\s{0,4}"?([0-9TZ:.+-]{10,35})/i)
        : null,
    }
    // The key's id is no secret, but with it goes everything else that was found there.
    yield {
      kind: isSession ? 'aws-session' : 'aws-key',
      start: index,
      end: index + id.length,
      owner: null,
      isGuess: true,
    }
  }
}

function ownerOfKey(id: string): string | null {
  const account = awsAccountOf(id)
  return account === null ? null : `account ${account}`
}

/** The `[profile]` of a credentials file that a position lies in. */
function profileBefore(text: string, index: number): string | null {
  const from = Math.max(0, index - 2000)
  const names = [...text.slice(from, index).matchAll(/^\[(?:profile )?([\w.@ -]{1,64})\][ \t\r]*$/gm)]
  return names.length === 0 ? null : `profile ${names.at(-1)![1]!}`
}

/** What `aws sso login` leaves in its cache. */
function* findSso(text: string): Iterable<Match> {
  if (!/"startUrl"|"registrationExpiresAt"/.test(text)) return
  const owner = /"startUrl"\s{0,4}:\s{0,4}"https:\/\/([\w.-]{1,100})/.exec(text)?.[1] ?? null
  const expiresMs = timeIn(text, /"expiresAt"\s{0,4}:\s{0,4}"([0-9TZ:.+-]{10,35})"/)
  for (const match of text.matchAll(
    /"(accessToken|refreshToken|clientSecret)"\s{0,4}:\s{0,4}"([^"\n]{1,10000})"/g,
  )) {
    const start = match.index + match[0].length - 1 - match[2]!.length
    // A refresh token outlives the token beside it.
    yield {
      kind: 'aws-sso',
      start,
      end: start + match[2]!.length,
      owner,
      expiresMs: match[1] === 'accessToken' ? expiresMs : null,
    }
  }
}

/** A token in a header of a script, as the one that was found in April 2026. */
function* findBearers(text: string): Iterable<Match> {
  for (const match of text.matchAll(/\bBearer[ \t]{1,8}([A-Za-z0-9_~+/.=-]{20,2000})/g)) {
    const start = match.index + match[0].length - match[1]!.length
    const near = text.slice(
      Math.max(0, match.index - 2 * neighbourhood),
      start + match[1]!.length + 2 * neighbourhood,
    )
    const host = /https?:\/\/(?:[^\s/@"']{1,200}@)?([\w.-]{1,100})/.exec(near)?.[1] ?? null
    const isRailway = /railway/i.test(near) && new RegExp(`^${uuid}$`).test(match[1]!)
    yield {
      kind: isRailway ? 'railway' : 'service',
      start,
      end: start + match[1]!.length,
      owner: host,
      isGuess: !isRailway,
    }
  }
}

/** What `railway login` leaves in its settings, which need not name it. */
function* findRailwayLogin(text: string, path: string): Iterable<Match> {
  if (!/"user"|"projects"/.test(text) || !(/railway/i.test(text) || /[/.]railway\//.test(path))) return
  for (const match of text.matchAll(
    /"(?:token|accessToken|refreshToken)"\s{0,4}:\s{0,4}"([^"\s]{16,2000})"/g,
  )) {
    const start = match.index + match[0].length - 1 - match[1]!.length
    yield { kind: 'railway', start, end: start + match[1]!.length, owner: null, isGuess: true }
  }
}

function* findKubernetes(text: string): Iterable<Match> {
  if (!/^[ \t]*"?(?:clusters|contexts|users)"?:/m.test(text)) return
  const server = /"?server"?:[ \t]{0,4}"?https?:\/\/([\w.:-]{1,120})/.exec(text)?.[1] ?? null
  for (const match of text.matchAll(
    /(?:^|[\s,{"-])(client-key-data|token|password|id-token|refresh-token)"?:[ \t]{0,4}"?([^\s"',}]{8,20000})/g,
  )) {
    if (placeholder.test(match[2]!)) continue
    const start = match.index + match[0].length - match[2]!.length
    yield { kind: 'kubernetes', start, end: start + match[2]!.length, owner: server }
  }
}

/** `scheme://user:password@host/name`. The password ends at the last `@`: one that is not encoded may hold any character. */
function* findConnections(text: string): Iterable<Match> {
  const urls =
    /\b(postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|mssql|sqlserver|clickhouse|cockroachdb)(?:\+\w{1,20})?:\/\/([^\s"'`<>]{1,2000})/gi
  for (const match of text.matchAll(urls)) {
    const rest = match[2]!
    const end = rest.lastIndexOf('@')
    const colon = rest.indexOf(':')
    if (end < 0 || colon < 0 || colon >= end) continue
    const password = rest.slice(colon + 1, end)
    if (password === '' || placeholder.test(password)) continue
    const start = match.index + match[0].length - rest.length + colon + 1
    const user = /^[\w.-]{1,64}$/.exec(rest.slice(0, colon))?.[0]
    const host = /^[\w.-]{1,120}(?::\d{1,5})?(?:\/[\w-]{1,64})?(?=$|[?,;&)\]])/.exec(rest.slice(end + 1))?.[0]
    yield {
      kind: 'database',
      start,
      end: start + password.length,
      owner: host === undefined ? null : user === undefined ? host : `${user}@${host}`,
    }
  }
}

/** `host=… user=… password=…`, as libpq takes it, and `Server=…;Password=…`, as .NET does. */
function* findKeywordConnections(text: string): Iterable<Match> {
  const words =
    /\b(?:host|server|data source)[ \t]{0,4}=[ \t]{0,4}([\w.-]{1,120})([^\n"']{0,300}?)\b(?:password|pwd)[ \t]{0,4}=[ \t]{0,4}([^\s;"']{1,200})/gi
  for (const match of text.matchAll(words)) {
    const password = match[3]!
    if (placeholder.test(password)) continue
    const start = match.index + match[0].length - password.length
    const user = /\b(?:user|user id|uid)[ \t]{0,4}=[ \t]{0,4}([\w.-]{1,64})/i.exec(match[2]!)?.[1]
    yield {
      kind: 'database',
      start,
      end: start + password.length,
      owner: user === undefined ? match[1]! : `${user}@${match[1]!}`,
    }
  }
}

/** Lines of `host:port:database:user:password`, in a file of that name; a colon within one is escaped. */
function* findPgpass(text: string, path: string): Iterable<Match> {
  if (!/pgpass/i.test(path.slice(path.lastIndexOf('/') + 1))) return
  for (const match of text.matchAll(
    /^(?!#)((?:[^:\n\\]|\\.){1,120}):(\d{1,5}|\*):((?:[^:\n\\]|\\.){1,64}):((?:[^:\n\\]|\\.){1,64}):([^\n\r]{1,500})/gm,
  )) {
    const start = match.index + match[0].length - match[5]!.length
    yield {
      kind: 'database',
      start,
      end: start + match[5]!.length,
      owner: withoutEscapes(`${match[4]!}@${match[1]!}/${match[3]!}`),
    }
  }
}

function withoutEscapes(text: string): string {
  return text.replace(/\\(.)/g, '$1')
}

function* findDockerLogins(text: string): Iterable<Match> {
  if (!text.includes('"auths"')) return
  for (const match of text.matchAll(
    /"([\w.:/-]{1,200})"\s{0,20}:\s{0,20}\{\s{0,20}"auth"\s{0,4}:\s{0,4}"([A-Za-z0-9+/=]{8,8000})"/g,
  )) {
    const start = match.index + match[0].length - 1 - match[2]!.length
    yield { kind: 'registry', start, end: start + match[2]!.length, owner: match[1]! }
  }
}

/** A hash in hexadecimal, a path or a word repeated is no key. */
function isRandom(value: string): boolean {
  return (
    !/^[0-9a-f]+$/.test(value) &&
    new Set(value).size > 15 &&
    /[A-Z]/.test(value) &&
    /[a-z]/.test(value) &&
    /[0-9]/.test(value)
  )
}

function timeIn(text: string, pattern: RegExp): number | null {
  const timeMs = Date.parse(pattern.exec(text)?.[1] ?? '')
  return Number.isNaN(timeMs) ? null : timeMs
}

/** Values that are named like secrets, in files and variables that hold settings: what an agent tries when nothing else fits. */
export function* findNamedSecrets(text: string): Iterable<Match> {
  const named =
    /^[ \t]{0,40}(?:export[ \t]{1,4}|set[ \t]{1,4})?["']?(\w{0,60}(?:secret|token|passwd|password|passphrase|api_?key|access_?key|private_?key|credential)\w{0,40})["']?[ \t]{0,20}[:=][ \t]{0,20}["']?([^\s"'#]{8,2000})/gim
  for (const match of text.matchAll(named)) {
    if (
      placeholder.test(match[2]!) ||
      /(?:_id|_arn|_file|_path|_url|_uri|_dir|_name|_env|_expir\w*|_endpoint|_region|_type)$/i.test(match[1]!)
    )
      continue
    const start = match.index + match[0].length - match[2]!.length
    yield { kind: 'unknown', start, end: start + match[2]!.length, owner: null, isGuess: true }
  }
}
