// `holdfast examine`: is what was restored all there, and does it start. No vault, no credentials, no network.
import { writeFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { findingText, mostFindings, runPattern } from '../../checks/restore-test/answer.ts'
import type { Answer } from '../../checks/restore-test/answer.ts'
import { examineDirectory } from '../../checks/restore-test/directory.ts'
import type { DirectoryExamination } from '../../checks/restore-test/directory.ts'
import { examineCluster } from '../../checks/restore-test/postgres.ts'
import { makeOutput } from '../output.ts'
import type { Invocation } from '../program.ts'
import { renderExamination } from '../render/examination-report.ts'

export interface ExamineFlags {
  kind: 'volume' | 'postgres'
  postgresBin?: string
  inPlace?: boolean
  scratch?: string
  minutes: number
  answer?: string
  run?: string
  json?: boolean
}

const mostMinutes = 24 * 60

/** @throws `damaged` after the report, if anything can't be read; `objective-missed` if it took too long. */
export async function runExamine(
  directory: string,
  flags: ExamineFlags,
  invocation: Invocation,
): Promise<void> {
  checkFlags(flags)
  const output = makeOutput(invocation, flags.json ?? false)
  const limit = AbortSignal.timeout(flags.minutes * 60_000)
  const answer = await examine(resolve(directory), flags, AbortSignal.any([invocation.signal, limit])).catch(
    (error: unknown) => {
      if (invocation.signal.aborted || !limit.aborted) throw error
      throw new HoldfastError(
        'objective-missed',
        `the examination was not done within ${flags.minutes} minutes`,
        { hint: 'allow more with --minutes' },
      )
    },
  )
  // Never over what is there: that could be a link to somewhere else.
  if (flags.answer !== undefined) await writeNew(flags.answer, `${JSON.stringify(answer)}\n`)
  const { type, ...fields } = answer
  output.record(type, fields)
  output.text(renderExamination(answer, directory))
  if (!answer.ok)
    throw new HoldfastError('damaged', 'not everything that was restored can be read', {
      hint: 'compare with what the restore reported; an older snapshot may be whole',
    })
}

function checkFlags(flags: ExamineFlags): void {
  const refuse = (message: string, hint: string): never => {
    throw new HoldfastError('invalid-input', message, { hint })
  }
  if (flags.minutes < 1 || flags.minutes > mostMinutes)
    refuse(`${flags.minutes} minutes are not allowed`, `pass --minutes 1 to ${mostMinutes}`)
  if (flags.run !== undefined && !runPattern.test(flags.run))
    refuse('--run is no id', 'use letters, digits, hyphens and underscores, at most 80')
  if ((flags.kind === 'postgres') !== (flags.postgresBin !== undefined)) {
    refuse(
      'a PostgreSQL is started with its programs, and only a PostgreSQL',
      'pass --kind postgres and --postgres-bin DIR together',
    )
  }
}

async function examine(directory: string, flags: ExamineFlags, signal: AbortSignal): Promise<Answer> {
  const tree = await examineDirectory(directory, signal).catch((cause: NodeJS.ErrnoException) => {
    if (signal.aborted) throw cause
    throw new HoldfastError('not-found', `the directory can't be listed: ${cause.code ?? 'unknown error'}`, {
      hint: 'name the directory that was restored into',
      cause,
    })
  })
  const cluster =
    flags.kind === 'postgres' && mayStart(tree)
      ? await examineCluster(
          {
            dataDirectory: directory,
            programs: resolve(flags.postgresBin!),
            isInPlace: flags.inPlace ?? false,
            ...(flags.scratch === undefined ? {} : { scratch: resolve(flags.scratch) }),
          },
          signal,
        )
      : null
  const findings = [...tree.findings, ...(cluster?.findings ?? [])]
  const { entries, files, bytes, sha256 } = tree
  return {
    type: 'examination',
    formatVersion: 1,
    run: flags.run ?? null,
    kind: flags.kind,
    ok: findings.length === 0,
    entries,
    files,
    bytes,
    sha256,
    postgres:
      cluster === null
        ? null
        : {
            databases: cluster.databases,
            tables: cluster.tables,
            rows: cluster.rows,
            sha256: cluster.sha256,
          },
    findings: findings.slice(0, mostFindings).map(findingText),
    findingCount: findings.length,
  }
}

/** A server follows links, and writes where they lead. */
function mayStart(tree: DirectoryExamination): boolean {
  if (tree.links > 0)
    tree.findings.push(
      'PostgreSQL was not started: links lead out of its directory (a tablespace, or WAL elsewhere)',
    )
  return tree.findings.length === 0
}

async function writeNew(file: string, text: string): Promise<void> {
  await writeFile(file, text, { flag: 'wx', flush: true }).catch((cause: NodeJS.ErrnoException) => {
    throw new HoldfastError('target', `the answer can't be written: ${cause.code ?? 'unknown error'}`, {
      hint: 'name a file that is not there yet, in a directory that is',
      cause,
    })
  })
}
