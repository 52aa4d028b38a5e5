// The options that name a PostgreSQL server, as libpq's programs take them. A password in the arguments of a process is
// visible to every user of the machine, so that it must come from the environment or from a file.
import { homedir } from 'node:os'
import { join } from 'node:path'
import { Option } from 'commander'
import type { Command } from 'commander'
import { readTextFile } from '../blast-radius/text-file.ts'
import { HoldfastError } from '../core/errors.ts'
import type { Invocation } from './invocation.ts'

export interface ConnectFlags {
  connect?: string
  connectEnv?: string
}

const secrets = ['password', 'sslpassword']
const maxServiceFileBytes = 1024 * 1024
const formHint =
  "write postgresql://user@host:5432/database, or libpq's form, e.g. 'host=/run/postgresql user=backup' or service=backup"
const passwordHint =
  'put the password into PGPASSWORD or into the file of PGPASSFILE, or the whole URL into a variable that --connect-env names'

export function addConnectOptions(command: Command): void {
  command
    .optionsGroup('PostgreSQL:')
    .addOption(
      new Option(
        '--connect <address>',
        "the running server: a URL, or libpq's form, e.g. 'host=/run/postgresql user=backup' or service=backup",
      ),
    )
    .addOption(
      new Option(
        '--connect-env <name>',
        'the environment variable that has the address, which may hold a password',
      ).conflicts('connect'),
    )
}

/**
 * The address as a URL; null if no option names one.
 * @throws `invalid-input` for a password among the arguments, or an address that can't be read.
 */
export function readServerAddress(
  { connect, connectEnv }: ConnectFlags,
  environment: Invocation['environment'],
): string | null {
  if (connectEnv === undefined) return connect === undefined ? null : addressOf(connect, environment, false)
  const text = environment[connectEnv]
  if (text === undefined || text === '') {
    throw new HoldfastError('invalid-input', `--connect-env: the variable ${connectEnv} is not set`, {
      hint: 'set it to the address of the server, e.g. postgresql://backup@db.internal:5432/postgres',
    })
  }
  return addressOf(text, environment, true)
}

function addressOf(text: string, environment: Invocation['environment'], mayHoldPassword: boolean): string {
  const isUrl = /^postgres(?:ql)?:\/\//.test(text)
  const fields = isUrl ? fieldsOfUrl(text) : parseFields(text)
  if (!mayHoldPassword && secrets.some((name) => fields[name] !== undefined)) {
    throw new HoldfastError('invalid-input', '--connect holds a password, and other users can see it', {
      hint: passwordHint,
    })
  }
  return isUrl ? text : urlOf(withService(fields, environment))
}

/** The message never has the text, which may hold a password. */
function fieldsOfUrl(text: string): Record<string, string> {
  try {
    // A URL with a user and no host is one of a socket: libpq takes it, and this class only with a host.
    const url = new URL(text.replace(/^(postgres(?:ql)?:\/\/[^/?]*@)(?=[/?]|$)/, '$1localhost'))
    return {
      ...Object.fromEntries(url.searchParams),
      ...(url.password === '' ? {} : { password: url.password }),
    }
  } catch {
    throw new HoldfastError('invalid-input', '--connect is not a URL', { hint: formHint })
  }
}

/** The fields of the service file stand behind those of the address. */
function withService(
  { service, ...fields }: Record<string, string>,
  environment: Invocation['environment'],
): Record<string, string> {
  return service === undefined ? fields : { ...readService(service, environment), ...fields }
}

/** @throws `invalid-input` for another form than `name=value name='value with spaces'`. */
function parseFields(text: string): Record<string, string> {
  const fields: Record<string, string> = {}
  const pattern = /\s*([a-z_]+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?=\s|$)/gy
  let end = 0
  for (const match of text.matchAll(pattern)) {
    fields[match[1]!] = (match[2] ?? match[3]!).replace(/\\(.)/g, '$1')
    end = match.index + match[0].length
  }
  if (text.trim() === '' || text.slice(end).trim() !== '')
    throw new HoldfastError('invalid-input', '--connect is neither a URL nor a list of name=value', {
      hint: formHint,
    })
  return fields
}

function readService(name: string, environment: Invocation['environment']): Record<string, string> {
  const file = environment['PGSERVICEFILE'] ?? join(environment['HOME'] ?? homedir(), '.pg_service.conf')
  const lines = readTextFile(file, { label: 'the service file of PostgreSQL', maxBytes: maxServiceFileBytes })
    .split(/\r?\n/)
    .map((line) => line.trim())
  const start = lines.indexOf(`[${name}]`)
  if (start === -1) {
    throw new HoldfastError('invalid-input', `${file} has no service ${JSON.stringify(name)}`, {
      hint: 'name one of its sections, or pass the address itself with --connect',
    })
  }
  const fields: Record<string, string> = {}
  for (const line of lines.slice(start + 1)) {
    if (line.startsWith('[')) break
    const at = line.indexOf('=')
    if (line !== '' && !line.startsWith('#') && at > 0)
      fields[line.slice(0, at).trim()] = line.slice(at + 1).trim()
  }
  return fields
}

function urlOf({ dbname, ...fields }: Record<string, string>): string {
  const path = dbname === undefined ? '' : encodeURIComponent(dbname)
  return `postgresql:///${path}?${new URLSearchParams(fields).toString()}`
}
