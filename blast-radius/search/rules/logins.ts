// Logins: in URLs, in files that hold nothing else, in headers and on command lines.
import { isLiteral, isRandom } from '../naming/secret-value.ts'
import { matchesAt, patternRule } from './rule.ts'
import type { Match, Rule } from './rule.ts'

const uuid = '[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}'
const neighbourhood = 800

/** `https://user:password@host`: a token may stand in either part. */
export const urlLogins = patternRule(
  ['://'],
  'web-login',
  /(?<=\b(?:https?|ftps?|sftp|ssh|git|ldaps?|smtps?|imaps?|socks5h?|mqtts?|s3|git\+https)):\/\/[\w.%+-]{0,64}:(?<value>[^\s:/@"'`<>{}]{4,200})@(?<owner>[\w-]{1,63}(?:\.[\w-]{1,63}){0,5})/y,
  (value) =>
    isLiteral(value) &&
    !/^(?:pass(?:word|wd)?|user(?:name)?|pwd|secret|token|example|admin)\d?$/i.test(value),
)

/** Both forms of .netrc: all on one line, and one word a line. */
export const netrc = patternRule(
  ['login'],
  'web-login',
  /(?<=(?:^|\s)(?:machine\s{1,8}(?<owner>[\w.-]{1,100})|default)\s{1,8})login\s{1,8}\S{1,100}\s{1,8}(?:account\s{1,8}\S{1,100}\s{1,8})?password\s{1,8}(?<value>\S{1,200})/y,
  isLiteral,
)

/** `docker login` leaves these if it has no credential helper. */
export const dockerLogins = patternRule(
  ['"auth"'],
  'registry',
  /(?<="(?<owner>[\w.:/-]{1,200})"\s{0,20}:\s{0,20}\{\s{0,20}(?:"(?:username|email|password)"\s{0,4}:\s{0,4}"[^"\n]{0,200}",\s{0,20}){0,3})"auth"\s{0,4}:\s{0,4}"(?<value>[A-Za-z0-9+/=]{8,8000})"/y,
)

export const npmLogins = patternRule(
  ['_auth', '_password'],
  'registry',
  /(?<=\/\/(?<owner>[\w.-]{1,100})(?:\/[\w./-]{0,100})?:|(?<![\w.$]))_(?:auth|authToken|password)["']?\s{0,4}[:=]\s{0,4}["']?(?<value>[A-Za-z0-9+/=_.-]{8,2000})/y,
  (value) => isLiteral(value) && isRandom(value, 12),
)

/** A token in a header of a script, as the one that was found in April 2026. */
export const headers: Rule = {
  keywords: ['bearer', 'authorization'],
  *find(text, starts) {
    const values =
      /\b(?:Bearer|Authorization["']?\s{0,2}[:,=]\s{0,4}["'`]?(?:token|Basic|Bot|ApiKey|Apikey|GenieKey|Key))[ \t]{1,8}(?<value>[A-Za-z0-9_~+/.-]{16,2000}={0,2})/iy
    for (const { index, 0: match, groups } of matchesAt(values, text, starts)) {
      const value = groups!['value']!
      const start = index + match.length - value.length
      if (isLiteral(value) && isRandom(value)) yield headerMatch(text, start, value)
    }
  },
}

/** How Railway takes the token of one project. */
export const railwayHeaders = patternRule(
  ['project-access-token', 'team-access-token'],
  'railway',
  new RegExp(`(?:Project|Team)-Access-Token["']?\\s{0,4}[:=,]\\s{0,4}["']?(?<value>${uuid})`, 'iy'),
)

function headerMatch(text: string, start: number, value: string): Match {
  const near = text.slice(Math.max(0, start - neighbourhood), start + value.length + neighbourhood)
  const host = /https?:\/\/(?:[^\s/@"']{1,200}@)?([\w.-]{1,100})/.exec(near)?.[1] ?? null
  const isRailway = /railway/i.test(near) && new RegExp(`^${uuid}$`).test(value)
  return { kind: isRailway ? 'railway' : 'service', start, end: start + value.length, owner: host }
}

/** Logins that a command takes as an argument. */
export const commandLogins = patternRule(
  ['curl', 'sshpass', 'docker', 'podman', 'helm', 'buildah', 'skopeo', 'pass:', 'convertto-securestring'],
  'web-login',
  /(?:\bcurl\b[^\n]{0,300}?[ \t](?:-u|--user)[ \t=]{0,2}["']?[^\s:"']{1,64}:|\bsshpass[ \t]{1,4}-p[ \t]{0,4}["']?|\b(?:docker|podman|helm|buildah|skopeo)\b[^\n]{0,60}\blogin\b[^\n]{0,200}?[ \t](?:-p|--password)[ \t=]{1,2}["']?|(?<=-pass(?:in|out)?[ \t]{1,4}["']?)pass:|ConvertTo-SecureString[ \t]{1,4}(?:-String[ \t]{1,4})?["'])(?<value>[^\s"'`]{4,200})/y,
  isLiteral,
)
