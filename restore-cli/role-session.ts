// A session of a role for a command that runs with it, or printed: what an agent and whoever breaks the glass are handed alike.
import { SessionService } from '../aws/session-service.ts'
import type { Session, SessionRequest } from '../aws/session-service.ts'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import type { formats } from './declare-agent-session.ts'
import { makeOutput } from './output.ts'
import type { Invocation } from './program.ts'
import { runTask, sessionVariables, taskEnvironment } from './task-process.ts'

export interface HandOutFlags {
  format: (typeof formats)[number]
  json?: boolean
}

/** @param hint for whoever is denied: what the role's trust asks for. @throws `denied`, `credentials`, `unreachable`. */
export async function openSession(
  request: SessionRequest,
  { environment, signal }: Invocation,
  hint: string,
): Promise<Session> {
  const sts = new SessionService({
    region: environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION'],
    signal,
  })
  try {
    return await sts.assumeRole(request)
  } catch (error) {
    if (!isHoldfastError(error, 'denied')) throw error
    throw new HoldfastError('denied', error.message, { hint, context: error.context, cause: error })
  } finally {
    sts.close()
  }
}

/** Runs the command with the session, or prints it. @param record what it says of it, without the credentials. */
export async function handOut(
  session: Session,
  command: readonly string[],
  flags: HandOutFlags,
  invocation: Invocation,
  record: { type: string } & Record<string, unknown>,
): Promise<void> {
  const { environment, signal } = invocation
  if (command.length > 0) {
    const status = await runTask(command, taskEnvironment(environment, session), signal)
    signal.throwIfAborted()
    return invocation.endWith?.(status)
  }
  const output = makeOutput(invocation, flags.json ?? false)
  const { accessKeyId, secretAccessKey, sessionToken } = session
  const { type, ...fields } = record
  output.record(type, { ...fields, credentials: { accessKeyId, secretAccessKey, sessionToken } })
  output.text(renderSession(session, flags.format))
}

export function checkName(what: string, value: string): string {
  if (/^[\w+=,.@-]{2,64}$/.test(value)) return value
  throw new HoldfastError('invalid-input', `the ${what} is not one that AWS accepts`, {
    hint: 'use 2 to 64 letters, digits and characters of _+=,.@-',
  })
}

export function checkSeconds(seconds: number): number {
  if (seconds >= 900 && seconds <= 3600) return seconds
  throw new HoldfastError('invalid-input', `a session of ${seconds} seconds is not allowed`, {
    hint: 'choose 900 to 3600 seconds: it should end with the task',
  })
}

function renderSession(session: Session, format: HandOutFlags['format']): string {
  const { accessKeyId, secretAccessKey, sessionToken, expiresMs } = session
  if (format === 'credential-process') {
    // https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    return `${JSON.stringify({ Version: 1, AccessKeyId: accessKeyId, SecretAccessKey: secretAccessKey, SessionToken: sessionToken, Expiration: new Date(expiresMs).toISOString() })}\n`
  }
  return Object.entries(sessionVariables(session))
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('')
}
