// The sandbox as a playground: files that make its clients' commands short, and five commands that work when pasted.
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import type { CloudDeclaration, DeclaredRole } from './declaration.ts'
import type { Sandbox } from './server.ts'
import { issueWorkloadSession } from './sts/role-session.ts'
import { oneTimeCode } from './sts/second-factor.ts'

const fileNames = {
  vault: 'vault.json',
  credentials: 'aws-credentials',
  environment: 'environment',
  secondFactors: 'second-factors.json',
} as const

const secondFactors = z.record(z.string(), z.string().regex(/^[A-Za-z0-9+/]{27}=$/))

export interface Playground {
  /** Output of the vault's stack, with the endpoint of the sandbox: the input of `--config`. */
  vaultFile: string
  /** Lines of a shell, in the order in which they work. */
  commands: { purpose: string; command: string }[]
}

/** Secrets of second factors by serial, kept in the directory across restarts. */
export function readSecondFactors(directory: string): (serial: string) => Buffer {
  const file = join(directory, fileNames.secondFactors)
  const secrets = readSecrets(file)
  return (serial) => {
    const secret = secrets[serial]
    if (secret !== undefined) return Buffer.from(secret, 'base64')
    const created = randomBytes(20)
    secrets[serial] = created.toString('base64')
    writePrivate(file, `${JSON.stringify(secrets, null, 2)}\n`)
    return created
  }
}

function readSecrets(file: string): Record<string, string> {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return {}
    throw error
  }
  return secondFactors.parse(JSON.parse(text))
}

/**
 * The code that the second factor of the role shows at `nowMs`.
 * @throws HoldfastError `not-found` without such a sandbox or role
 */
export function showCode(directory: string, roleName: string, nowMs: number): string {
  const secrets = readSecrets(join(directory, fileNames.secondFactors))
  const entry = Object.entries(secrets).find(([serial]) => serial.endsWith(`:mfa/${roleName}`))
  if (entry === undefined)
    throw new HoldfastError('not-found', `${directory} has no second factor of the role ${roleName}`, {
      hint: 'name the directory that the running sandbox prints, and a role that needs a second factor',
    })
  return oneTimeCode(Buffer.from(entry[1], 'base64'), nowMs)
}

export interface PlaygroundParts {
  sandbox: Sandbox
  declaration: CloudDeclaration
  directory: string
  /** ARN of a role to its web identity token. */
  tokens: ReadonlyMap<string, string>
  /** The outputs of the vault layer. */
  outputs: Record<string, unknown>
}

/** Writes the files, which hold secrets of this sandbox alone, and lists the commands. */
export function openPlayground(parts: PlaygroundParts): Playground {
  const { sandbox, directory, declaration, outputs } = parts
  const path = (name: keyof typeof fileNames) => join(directory, fileNames[name])
  writePrivate(path('vault'), `${JSON.stringify({ ...outputs, endpoint: sandbox.endpoint }, null, 2)}\n`)
  const people = declaration.roles.filter(isAssumedByCompute)
  writePrivate(path('credentials'), people.map((role) => profileOf(sandbox, role)).join('\n'))
  const writer = findWriter(parts)
  const restorer = findHolder(declaration)
  writePrivate(path('environment'), environmentOf(parts, writer))
  const files = join(directory, 'restored')
  const serial = `arn:aws:iam::${String(outputs['vaultAccountId'])}:mfa/holdfast-restorer`
  return {
    vaultFile: path('vault'),
    commands: [
      {
        purpose: 'tell the commands of this shell about the sandbox',
        command: `. ${quote(path('environment'))}`,
      },
      {
        purpose: `back up a directory, as the workload ${writer.source}`,
        command: `${writer.asWriter} npm run -s holdfast -- backup docs --source ${writer.source}`,
      },
      {
        purpose: "show the code of on-call's second factor; each code works once, in its own half minute",
        command: `npm run -s sandbox -- code --dir ${quote(directory)}`,
      },
      {
        purpose: 'sign in with that code, as on-call',
        command: `AWS_PROFILE=${restorer} npm run -s holdfast -- login --mfa-serial ${serial} --source-identity "$USER"`,
      },
      {
        purpose: 'restore the newest snapshot',
        command: `AWS_PROFILE=${restorer} npm run -s restore -- --source ${writer.source} --source-identity "$USER" --target ${quote(files)}`,
      },
    ],
  }
}

/** A compute service or a sign-in portal issues its sessions. */
function isAssumedByCompute({ trust }: DeclaredRole): boolean {
  return (
    JSON.stringify(trust).includes('"ecs-tasks.amazonaws.com"') && !JSON.stringify(trust).includes('ArnLike')
  )
}

function profileOf(sandbox: Sandbox, role: DeclaredRole): string {
  const { credentials } = issueWorkloadSession(sandbox, role, {
    sessionName: role.name,
    nowMs: sandbox.clock.nowMs(),
    seconds: role.maxSessionSeconds,
  })
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  return `[${role.name}]\naws_access_key_id = ${accessKeyId}\naws_secret_access_key = ${secretAccessKey}\naws_session_token = ${sessionToken ?? ''}\n`
}

interface Writer {
  source: string
  /** Variables before the command. */
  asWriter: string
  tokenFile: { file: string; token: string } | null
}

/** A source of a workload in AWS, whose role has a session; else one with a token of its platform. */
function findWriter({ declaration, outputs, directory, tokens }: PlaygroundParts): Writer {
  const writers = z.record(z.string(), z.string()).parse(outputs['writers'])
  for (const [source, arn] of Object.entries(writers)) {
    const workload = declaration.roles.find(
      (role) =>
        isAssumedByCompute(role) &&
        JSON.stringify(declaration.roles.find((writer) => writer.arn === arn)?.trust).includes(role.arn),
    )
    if (workload !== undefined) return { source, asWriter: `AWS_PROFILE=${workload.name}`, tokenFile: null }
  }
  for (const [source, arn] of Object.entries(writers)) {
    const token = tokens.get(arn)
    if (token === undefined) continue
    const file = join(directory, `${source}.token`)
    return { source, asWriter: `AWS_WEB_IDENTITY_TOKEN_FILE=${quote(file)}`, tokenFile: { file, token } }
  }
  throw new HoldfastError('invalid-input', 'the configuration has no source that the sandbox can act as', {
    hint: 'add a source that trusts a role of AWS or an OIDC issuer',
  })
}

function findHolder({ roles }: CloudDeclaration): string {
  const restorer = roles.find(({ name }) => name === 'holdfast-restorer')
  const holder = roles.find(
    (role) => isAssumedByCompute(role) && JSON.stringify(restorer?.trust).includes(role.arn),
  )
  if (holder === undefined)
    throw new HoldfastError('invalid-input', 'no restorer of the configuration is a role without `*`', {
      hint: 'name one role in holdfast:restorers for the sandbox',
    })
  return holder.name
}

function environmentOf({ directory }: PlaygroundParts, { tokenFile }: Writer): string {
  if (tokenFile !== null) writePrivate(tokenFile.file, tokenFile.token)
  const variables = {
    HOLDFAST_CONFIG: join(directory, fileNames.vault),
    HOLDFAST_CACHE_DIR: join(directory, 'cache'),
    AWS_SHARED_CREDENTIALS_FILE: join(directory, fileNames.credentials),
    AWS_CONFIG_FILE: '/dev/null',
    AWS_EC2_METADATA_DISABLED: 'true',
  }
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}\n`)
  return `${lines.join('')}unset AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN AWS_PROFILE\n`
}

export function renderPlayground({ vaultFile, commands }: Playground): string {
  const lines = commands.flatMap(({ purpose, command }) => [`# ${purpose}`, command])
  return `\nThe configuration for --config is ${vaultFile}. In another shell, in this directory, paste:\n\n${lines.join('\n')}\n\nSIGINT or SIGTERM stops the sandbox.\n`
}

function quote(text: string): string {
  return /^[\w./:@-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`
}

function writePrivate(file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600 })
}
