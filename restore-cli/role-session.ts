// Opens a session of a role, and hands it to a command or prints it: for agents, and for break-glass.
import type { Session, SessionRequest } from '../aws/session-service.ts'
import { HoldfastError, isHoldfastError } from '../core/errors.ts'
import type { Invocation } from './invocation.ts'
import type { SessionFormat } from './options.ts'
import { makeOutput } from './output.ts'
import { runTask, sessionVariables, taskEnvironment } from './task-process.ts'

/** A session to hand out, and how. */
export interface HandOut {
  session: Session
  /** The program to run with the session, with its arguments. Empty: print the session. */
  command: readonly string[]
  format: SessionFormat
  json: boolean
  /** The record of the session, without its credentials. */
  record: { type: string } & Record<string, unknown>
}

/** @param deniedHint what the role's trust policy requires. @throws `denied`, `credentials`, `unreachable`. */
export async function openSession(
  request: SessionRequest,
  invocation: Invocation,
  deniedHint: string,
): Promise<Session> {
  const { SessionService } = await import('../aws/session-service.ts')
  const sts = new SessionService({ region: regionOf(invocation), signal: invocation.signal })
  try {
    return await sts.assumeRole(request)
  } catch (error) {
    if (!isHoldfastError(error, 'denied')) throw error
    throw new HoldfastError('denied', error.message, {
      hint: deniedHint,
      context: error.context,
      cause: error,
    })
  } finally {
    sts.close()
  }
}

/** Runs the command with the session, or prints the session. */
export async function handOut(
  { session, command, format, json, record }: HandOut,
  invocation: Invocation,
): Promise<void> {
  const { environment, signal } = invocation
  if (command.length > 0) {
    const status = await runTask(command, taskEnvironment(environment, session), signal)
    signal.throwIfAborted()
    return invocation.endWith?.(status)
  }
  const output = makeOutput(invocation, json)
  const { accessKeyId, secretAccessKey, sessionToken } = session
  const { type, ...fields } = record
  output.record(type, { ...fields, credentials: { accessKeyId, secretAccessKey, sessionToken } })
  output.text(renderSession(session, format))
}

/** The region that the environment names, for services that have one endpoint per region. */
export function regionOf({ environment }: Pick<Invocation, 'environment'>): string | undefined {
  return environment['AWS_REGION'] || environment['AWS_DEFAULT_REGION']
}

/** @param label names the value in an error: `session name`. @throws `invalid-input`. */
export function checkName(label: string, value: string): string {
  if (/^[\w+=,.@-]{2,64}$/.test(value)) return value
  throw new HoldfastError('invalid-input', `AWS does not accept this ${label}`, {
    hint: 'use 2 to 64 letters, digits and characters of _+=,.@-',
  })
}

/** @throws `invalid-input`. */
export function checkSeconds(seconds: number): number {
  if (seconds >= 900 && seconds <= 3600) return seconds
  throw new HoldfastError('invalid-input', `a session of ${seconds} seconds is not allowed`, {
    hint: 'pass --session-seconds 900 to 3600: the session should end with the task',
  })
}

function renderSession(session: Session, format: SessionFormat): string {
  const { accessKeyId, secretAccessKey, sessionToken, expiresMs } = session
  if (format === 'credential-process') {
    // https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
    const credentials = {
      Version: 1,
      AccessKeyId: accessKeyId,
      SecretAccessKey: secretAccessKey,
      SessionToken: sessionToken,
      Expiration: new Date(expiresMs).toISOString(),
    }
    return `${JSON.stringify(credentials)}\n`
  }
  return Object.entries(sessionVariables(session))
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'\n`)
    .join('')
}
