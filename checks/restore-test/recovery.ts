// Recovers a restored cluster in place: a server replays the WAL in `pg_wal`, and is promoted. It runs in single-user
// mode, in namespaces of its own: it has no socket, no network and no credential, and sees its data directory alone.
//
// The end of the process is no success, because a server that ends its recovery early, or is not promoted, ends with 0
// too. So we read what it logged, and its control file.
import { constants } from 'node:fs'
import { chmod, lstat, mkdtemp, open, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { recoveryTimeText } from '../../core/recovery/postgres-time.ts'
import type { RecoveryChoice } from '../../core/recovery/recovery-choice.ts'
import { lsnText, parseLsn } from '../../core/wal/lsn.ts'
import { findingText } from '../finding-text.ts'
import { readAllRows } from './all-rows.ts'
import type { ClusterResult } from './all-rows.ts'
import { changeOwner, removeTree } from './disposable-tree.ts'
import { programUser } from './isolation.ts'
import type { Isolation, ProgramUser } from './isolation.ts'
import { resolveProgram } from './postgres-program.ts'
import { passwdText } from './postgres.ts'
import { resultColumn, runStandalone } from './standalone-server.ts'
import type { Session, StandaloneServer } from './standalone-server.ts'

export interface RecoveryRunOptions {
  /** A directory that `prepareRecovery` has made ready, and that no server has used. */
  dataDirectory: string
  /** The directory of the program `postgres`; `{major}` in it stands for the cluster's major version. */
  programs: string
  choice: RecoveryChoice
  isolation: Isolation
  scratch?: string
  /** False: the caller reads the rows. */
  readsRows?: boolean
}

export interface RecoveryRunResult {
  /** The record that was replayed last. */
  redoDoneLsn: bigint
  /** The time of the last transaction that was replayed, as the server logs it; null if it replayed none. */
  lastTransaction: string | null
  /** Where the server stopped before the end of the WAL, as it logs it; null at the end. */
  stop: string | null
  /** The timeline on which the recovered cluster goes on. */
  timeline: number
  /** Transactions that were prepared after the target, and that hold their locks until an operator ends them. */
  preparedLater: number
  rows: ClusterResult
  /** Empty if the cluster is recovered to the target, and every row of it can be read. */
  findings: string[]
}

/** A recovery, as the server logs it. */
export interface RecoveryLog {
  redoDone: string | null
  lastTransaction: string | null
  stop: string | null
  timeline: string | null
  isComplete: boolean
}

const patterns = {
  redoDone: /LOG: {2}redo done at ([0-9A-F]{1,8}\/[0-9A-F]{1,8})(?: |$)/,
  lastTransaction: /LOG: {2}last completed transaction was at log time ([-0-9:.+ ]{19,40})$/,
  stop: /LOG: {2}(recovery stopping (?:before|after|at) .{1,200})$/,
  timeline: /LOG: {2}selected new timeline ID: (\d{1,10})$/,
} as const
const completePattern = /LOG: {2}archive recovery complete$/

const noRows: ClusterResult = { databases: 0, tables: 0, rows: 0, sha256: '', findings: [] }

/** State 1 in the control file: shut down, as a server that was promoted. */
const shutDown = 1
const controlFile = { state: 16, timeline: 48, bytes: 64 }

/**
 * @throws `not-found` without the program, `not-isolated`, `invalid-input` if root owns the data or the program is of
 * another major version; or the reason of `signal`.
 */
export async function runRecovery(
  options: RecoveryRunOptions,
  signal: AbortSignal,
): Promise<RecoveryRunResult> {
  const { dataDirectory, isolation, choice, programs, readsRows = true } = options
  const program = await programFor(choice, programs)
  const user = await ownerOf(dataDirectory)
  await isolation.assertPossible(user, signal)
  const scratch = await mkdtemp(join(options.scratch ?? tmpdir(), 'holdfast-recovery-'))
  try {
    const passwdFile = join(scratch, 'passwd')
    await writeFile(passwdFile, passwdText(user), { mode: 0o600 })
    if (user !== undefined) await changeOwner(scratch, user)
    await chmod(dataDirectory, 0o700)
    const server: StandaloneServer = {
      ...{ isolation, program, dataDirectory, passwdFile },
      configurationFile: join(dataDirectory, 'postgresql.conf'),
      ...(user === undefined ? {} : { user }),
    }
    const log = emptyLog()
    const session = await runStandalone(
      { ...server, onLog: (line) => readLogLine(log, line) },
      'template1',
      [preparedQuery(choice)],
      signal,
    )
    const findings = await judge(log, session, options)
    const rows = readsRows && findings.length === 0 ? await readAllRows(server, undefined, signal) : noRows
    return {
      redoDoneLsn: log.redoDone === null ? 0n : parseLsn(log.redoDone),
      lastTransaction: log.lastTransaction,
      stop: log.stop,
      timeline: Number(log.timeline ?? choice.timeline),
      preparedLater: Number(session.values[0] ?? 0),
      rows,
      findings: [...findings, ...rows.findings].map(findingText),
    }
  } finally {
    await removeTree(scratch)
  }
}

/**
 * The program `postgres` that recovers the choice, so that a restore can refuse another one before it writes.
 * @param programs its directory; `{major}` stands for the cluster's major version
 * @throws `not-found` without the program; `invalid-input` if it is of another major version.
 */
export async function programFor(choice: RecoveryChoice, programs: string): Promise<string> {
  const major = String(Math.floor(choice.base.postgres.serverVersion / 10_000))
  return await resolveProgram(programs.replaceAll('{major}', major), major)
}

export function emptyLog(): RecoveryLog {
  return { redoDone: null, lastTransaction: null, stop: null, timeline: null, isComplete: false }
}

export function readLogLine(log: RecoveryLog, line: string): void {
  for (const name of ['redoDone', 'lastTransaction', 'stop', 'timeline'] as const)
    log[name] ??= patterns[name].exec(line)?.[1] ?? null
  if (completePattern.test(line)) log.isComplete = true
}

/** Why the cluster is not what the choice announced; empty if it is. */
async function judge(
  log: RecoveryLog,
  session: Session,
  { choice, dataDirectory }: RecoveryRunOptions,
): Promise<string[]> {
  const findings = [...session.errors]
  if (!session.isWhole) findings.push('the server did not end its recovery by itself')
  if (!log.isComplete || log.timeline === null) findings.push('the server was not promoted')
  const control = await readControl(dataDirectory)
  if (control.state !== shutDown || control.timeline !== Number(log.timeline ?? -1))
    findings.push('the control file is not that of a promoted cluster')
  const redoDone = log.redoDone === null ? 0n : parseLsn(log.redoDone)
  const mustStop = choice.proof === 'later-transaction' || choice.proof === 'position'
  if (mustStop && log.stop === null) findings.push('the server did not stop at the target')
  if (!mustStop && choice.last !== null && redoDone < choice.last.lsn)
    findings.push(
      `the replay ended at ${lsnText(redoDone)}, before the last transaction in the vault at ${lsnText(choice.last.lsn)}`,
    )
  return findings
}

function preparedQuery({ target }: RecoveryChoice): string {
  const isLater =
    target.kind === 'time' ? `prepared > '${recoveryTimeText(target.timeUs)}'::timestamptz` : 'false'
  return `SELECT count(*)::text AS ${resultColumn} FROM pg_catalog.pg_prepared_xacts WHERE ${isLater}`
}

async function readControl(dataDirectory: string): Promise<{ state: number; timeline: number }> {
  const handle = await open(
    join(dataDirectory, 'global', 'pg_control'),
    constants.O_RDONLY | constants.O_NOFOLLOW,
  )
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(controlFile.bytes), 0, controlFile.bytes, 0)
    if (bytesRead < controlFile.bytes) return { state: 0, timeline: 0 }
    return {
      state: buffer.readUInt32LE(controlFile.state),
      timeline: buffer.readUInt32LE(controlFile.timeline),
    }
  } finally {
    await handle.close()
  }
}

/** PostgreSQL refuses to run as root, and the data stays the property of its owner. */
async function ownerOf(dataDirectory: string): Promise<ProgramUser | undefined> {
  if (programUser() === undefined) return undefined
  const { uid, gid } = await lstat(dataDirectory)
  if (uid !== 0) return { uid, gid }
  throw new HoldfastError('invalid-input', "PostgreSQL can't run as root, and root owns the data", {
    hint: 'run the command as another user, or change the owner of the directory and start the server yourself',
  })
}
