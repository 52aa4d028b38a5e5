// Passwords of databases: in URLs, in JDBC and keyword forms, in files and commands of their own.
import { isLiteral } from '../naming/secret-value.ts'
import { matchesAt } from './rule.ts'
import type { Match, Rule } from './rule.ts'

/**
 * No attacker needs to find these: examples of manuals, and what a container is started with on one's own
 * machine.
 */
const commonPassword =
  /^(?:pass(?:word|wd)?|pwd|postgres|mysql|root|admin|test|guest|user|secret|changeme|example|mongo|redis|rabbitmq|db|[a-z]{1,3}|x+|\*+|1234\d*)$/i
const ownMachine =
  /^(?:localhost|127\.|\[?::1\]?|0\.0\.0\.0|host\.docker\.internal|(?:[\w-]+\.)*example(?:\.com|\.org|\.net)?\b|host\b|hostname\b|your)/i

/**
 * @param host as far as the text tells. A password that everyone knows opens nothing on one's own machine.
 */
function isPassword(password: string, host: string): boolean {
  if (password === '' || !isReachable(password, host)) return false
  return isLiteral(password.padEnd(4, '0')) || /^[A-Za-z0-9]{1,3}$/.test(password)
}

function isReachable(password: string, host: string): boolean {
  return (
    !commonPassword.test(password) || (!ownMachine.test(host) && /\w\.\w/.test(host) && password.length > 3)
  )
}

/**
 * `scheme://user:password@host/name`. The password ends at the last `@`: one that is not encoded may hold
 * any character.
 */
export const databaseUrls: Rule = {
  keywords: ['://'],
  *find(text, starts) {
    const urls =
      /(?<=\b(?:postgres(?:ql)?|mysql2?|mariadb|mongodb(?:\+srv)?|rediss?|valkeys?|amqps?|mssql|sqlserver|clickhouse|cockroachdb)(?:\+\w{1,20})?):\/\/([^\s"'`<>]{1,2000})/iy
    for (const match of matchesAt(urls, text, starts)) {
      const authority = match[1]!
      const end = authority.lastIndexOf('@')
      const colon = authority.indexOf(':')
      if (end < 0 || colon < 0 || colon >= end) continue
      const password = authority.slice(colon + 1, end)
      const address = authority.slice(end + 1)
      if (!isPassword(password, address)) continue
      const start = match.index + match[0].length - authority.length + colon + 1
      const user = /^[\w.-]{1,64}$/.exec(authority.slice(0, colon))?.[0]
      const host = /^[\w.-]{1,120}(?::\d{1,5})?(?:\/[\w-]{1,64})?(?=$|[?,;&)\]])/.exec(address)?.[0]
      yield databaseMatch(start, password, user, host)
    }
  },
}

/** `host=… user=… password=…` of libpq, `Server=…;Password=…` of .NET, and the query of a JDBC URL. */
export const databaseKeywords: Rule = {
  keywords: ['password=', 'password =', 'pwd=', 'pwd ='],
  *find(text, starts) {
    const words =
      /(?<=[\s;"'(?&]|&amp;)(?:password|pwd)[ \t]{0,4}=[ \t]{0,4}(?:"(?<quoted>[^"\n]{1,200})"|(?<bare>[^\s;&"'<>]{1,200}))/iy
    for (const { index, 0: match, groups } of matchesAt(words, text, starts)) {
      const password = groups!['quoted'] ?? groups!['bare']!
      const near = text.slice(Math.max(0, index - 300), index + match.length + 300)
      const line = near.slice(near.lastIndexOf('\n', Math.min(index, 300)) + 1).split('\n', 1)[0]!
      const host =
        /\b(?:host|server|servername|data source|dsn|addr|address)[ \t]{0,4}=[ \t]{0,4}(?:tcp:)?([\w.-]{1,120})/i.exec(
          line,
        )?.[1] ?? /\bjdbc:[\w:]{2,40}:\/\/([\w.-]{1,120})/i.exec(line)?.[1]
      if (host === undefined || !isPassword(password, host)) continue
      const start = index + match.lastIndexOf(password)
      const user = /\b(?:user|user id|uid|username)[ \t]{0,4}=[ \t]{0,4}([\w.-]{1,64})/i.exec(line)?.[1]
      yield databaseMatch(start, password, user, host)
    }
  },
}

/** Lines of `host:port:database:user:password`, in a file of that name; a colon within one is escaped. */
export function* pgpassLogins(text: string, path: string): Generator<Match> {
  if (!/pgpass/i.test(path.slice(path.lastIndexOf('/') + 1))) return
  const lines =
    /^(?!#)((?:[^:\n\\]|\\.){1,120}):(\d{1,5}|\*):((?:[^:\n\\]|\\.){1,64}):((?:[^:\n\\]|\\.){1,64}):([^\n\r]{1,500})/gm
  for (const match of text.matchAll(lines)) {
    const start = match.index + match[0].length - match[5]!.length
    const owner = `${match[4]!}@${match[1]!}/${match[3]!}`.replace(/\\(.)/g, '$1')
    yield { kind: 'database', start, end: start + match[5]!.length, owner }
  }
}

/** `CREATE USER … PASSWORD '…'`, `IDENTIFIED BY '…'` and `IDENTIFIED WITH plaintext_password BY '…'` of SQL. */
export const databaseStatements: Rule = {
  keywords: ["password '", "identified by '", "password by '"],
  *find(text, starts) {
    const statements = /(?:\b(?:PASSWORD|IDENTIFIED BY)|PASSWORD BY)[ \t]{1,4}'([^'\n]{4,200})'/iy
    for (const match of matchesAt(statements, text, starts)) {
      const password = match[1]!
      if (!isPassword(password, 'host.of.statement')) continue
      yield databaseMatch(match.index + match[0].length - password.length - 1, password, undefined, undefined)
    }
  },
}

/** `mysql -pPASSWORD`, `redis-cli -a PASSWORD`, `PGPASSWORD=…` and the like, in scripts and histories. */
export const databaseCommands: Rule = {
  keywords: ['mysql', 'mariadb', 'redis-cli', 'requirepass', 'mongo'],
  *find(text, starts) {
    const commands =
      /\b(?:(?:mysql|mysqldump|mysqladmin|mariadb|mariadb-dump)\b[^\n|;]{0,200}?[ \t]-p|redis-cli\b[^\n|;]{0,200}?[ \t]-a[ \t]{1,4}|mongo(?:sh|dump|restore)?\b[^\n|;]{0,200}?[ \t]-p[ \t]{1,4}|requirepass["']?,?[ \t]{1,4})["']?([^\s"'`,;|&$<]{3,200})/y
    for (const match of matchesAt(commands, text, starts)) {
      const password = match[1]!
      if (!isPassword(password, 'host.of.command') || /^-|^\d+$/.test(password)) continue
      const start = match.index + match[0].length - password.length
      yield databaseMatch(start, password, undefined, undefined)
    }
  },
}

function databaseMatch(
  start: number,
  password: string,
  user: string | undefined,
  host: string | undefined,
): Match {
  const owner = host === undefined ? null : user === undefined ? host : `${user}@${host}`
  return { kind: 'database', start, end: start + password.length, owner }
}
