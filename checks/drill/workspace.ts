// The directory into which one drill restores. It is removed at the drill's end; a drill that was killed leaves it to
// the next one. Its name says which process it belongs to, so that a directory never exists without this.
import { createHash, randomBytes } from 'node:crypto'
import { chown, lstat, mkdir, readFile, readdir, readlink } from 'node:fs/promises'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { HoldfastError } from '../../core/errors.ts'
import { removeTree } from '../restore-test/disposable-tree.ts'
import { programUser } from '../restore-test/isolation.ts'

const prefix = 'holdfast-drill.'
const namePattern = /^holdfast-drill\.([0-9a-f]{8})\.([0-9a-f]{8})\.(\d+)\.(\d+)\.(\d+)\.(\d+)\.[0-9a-f]{12}$/

interface Owner {
  machine: string
  boot: string
  pidNamespace: string
  pid: string
  /** When the process started, in ticks since the boot: another process can get the same id. */
  startTicks: string
}

/** @param endsMs the drill ends by itself before this time. @throws `target`, `disk-full`. */
export async function makeWorkspace(scratch: string, endsMs: number): Promise<string> {
  const { machine, boot, pidNamespace, pid, startTicks } = await ownerOfThisProcess()
  const ends = Math.ceil(endsMs / 1000)
  const random = randomBytes(6).toString('hex')
  const directory = join(
    scratch,
    `${prefix}${[machine, boot, pidNamespace, pid, startTicks, ends, random].join('.')}`,
  )
  try {
    await mkdir(directory, { mode: 0o700 })
    const user = programUser()
    // The restored server runs as this user, and no other user may look inside.
    if (user !== undefined) await chown(directory, user.uid, user.gid)
  } catch (cause) {
    throw unusable(
      scratch,
      cause,
      'name an empty, writable directory with --scratch, e.g. the mount of a volume',
    )
  }
  return directory
}

/**
 * Removes what drills left that no longer run. @returns how many directories. @throws `target`, for a directory that
 * can't be listed or emptied.
 */
export async function removeLeftovers(scratch: string, nowMs: number): Promise<number> {
  let removed = 0
  try {
    const owner = await ownerOfThisProcess()
    for (const name of await readdir(scratch)) {
      const path = join(scratch, name)
      if (!(await isOver(name, owner, nowMs)) || !(await lstat(path)).isDirectory()) continue
      await removeTree(path)
      removed++
    }
  } catch (cause) {
    // A second instance removes the same.
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT' && removed > 0) return removed
    throw unusable(scratch, cause, 'remove the directories holdfast-drill.* in it, if no drill runs')
  }
  return removed
}

/** False if the drill may still run; another machine may share the directory. */
async function isOver(name: string, current: Owner, nowMs: number): Promise<boolean> {
  const [, machine, boot, pidNamespace, pid, startTicks, ends] = namePattern.exec(name) ?? []
  if (machine === undefined) return false
  if (nowMs > Number(ends) * 1000) return true
  if (machine !== current.machine) return false
  if (boot !== current.boot) return true
  if (pidNamespace !== current.pidNamespace) return false
  return (await startTicksOf(pid!)) !== startTicks
}

async function ownerOfThisProcess(): Promise<Owner> {
  const machineId = await readFile('/etc/machine-id', 'utf8').catch(() => '')
  return {
    machine: shortHash(`${machineId}${hostname()}`),
    boot: shortHash(await readFile('/proc/sys/kernel/random/boot_id', 'utf8')),
    pidNamespace: (await readlink('/proc/self/ns/pid')).replaceAll(/\D/g, ''),
    pid: String(process.pid),
    startTicks: (await startTicksOf('self'))!,
  }
}

/** Null if there is no such process. */
async function startTicksOf(pid: string): Promise<string | null> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => null)
  // The name of the program is in parentheses, and can have blanks and parentheses.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? null
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 8)
}

function unusable(scratch: string, cause: unknown, hint: string): HoldfastError {
  const { code } = cause as NodeJS.ErrnoException
  return new HoldfastError(
    code === 'ENOSPC' || code === 'EDQUOT' ? 'disk-full' : 'target',
    `the directory of --scratch can't be used: ${scratch}: ${code ?? 'unknown error'}`,
    { hint, cause },
  )
}
