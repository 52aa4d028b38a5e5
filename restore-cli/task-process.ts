// Runs a program with a session's credentials in its environment, and writes nothing to disk. Uses no shell, so that
// no argument is interpreted.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import type { Session } from '../aws/session-service.ts'
import { HoldfastError } from '../core/errors.ts'

type Environment = Record<string, string | undefined>

/** Variables by which an SDK would find other credentials than the session's. */
const credentialVariables = [
  'AWS_PROFILE',
  'AWS_DEFAULT_PROFILE',
  'AWS_ROLE_ARN',
  'AWS_ROLE_SESSION_NAME',
  'AWS_WEB_IDENTITY_TOKEN_FILE',
  'AWS_SECURITY_TOKEN',
  'AWS_CREDENTIAL_EXPIRATION',
  'AWS_CONTAINER_CREDENTIALS_RELATIVE_URI',
  'AWS_CONTAINER_CREDENTIALS_FULL_URI',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN',
  'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE',
]

export function sessionVariables({
  accessKeyId,
  secretAccessKey,
  sessionToken,
  expiresMs,
}: Session): Record<string, string> {
  return {
    AWS_ACCESS_KEY_ID: accessKeyId,
    AWS_SECRET_ACCESS_KEY: secretAccessKey,
    AWS_SESSION_TOKEN: sessionToken,
    AWS_CREDENTIAL_EXPIRATION: new Date(expiresMs).toISOString(),
  }
}

/**
 * The environment of a task: the session's credentials replace all others, and an ended session can't fall back to
 * the machine's role.
 */
export function taskEnvironment(environment: Environment, session: Session): Environment {
  const variables = Object.entries(environment).filter(([name]) => !credentialVariables.includes(name))
  return { ...Object.fromEntries(variables), ...sessionVariables(session), AWS_EC2_METADATA_DISABLED: 'true' }
}

/**
 * The program's exit status; 128 plus the signal's number if a signal ended it.
 * @throws `not-found`, `denied` if it can't be started.
 */
export function runTask(
  [command, ...args]: readonly string[],
  environment: Environment,
  signal: AbortSignal,
): Promise<number> {
  signal.throwIfAborted()
  return new Promise((resolve, reject) => {
    const child = spawn(command!, args, { env: environment, stdio: 'inherit', shell: false })
    const stop = (): void => void child.kill('SIGTERM')
    signal.addEventListener('abort', stop, { once: true })
    child.once('error', (error: NodeJS.ErrnoException) => {
      signal.removeEventListener('abort', stop)
      reject(
        new HoldfastError(
          error.code === 'EACCES' ? 'denied' : 'not-found',
          `the command ${JSON.stringify(command!.slice(0, 200))} can't be started: ${error.code ?? 'unknown error'}`,
          {
            hint: 'check its name and its permissions; its session expires by itself',
          },
        ),
      )
    })
    child.once('close', (status, killedBy) => {
      signal.removeEventListener('abort', stop)
      resolve(status ?? 128 + (killedBy === null ? 0 : constants.signals[killedBy]))
    })
  })
}
