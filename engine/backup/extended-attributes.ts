// Finds entries with extended attributes or ACLs. The format doesn't record them yet, so the backup reports
// each entry that loses them. It runs getfattr (Debian's package `attr`), because Node can't read attributes.
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Problem } from '../operations.ts'

/** Set by the system on every file where it is in use, and set again by it after a restore. */
const systemAttribute = /^security\.selinux$/

const attributeNames: ReadonlyMap<string, string> = new Map([
  ['system.posix_acl_access', 'an ACL'],
  ['system.posix_acl_default', 'an ACL for new entries'],
  ['security.capability', 'capabilities of a program'],
])

/** Reports each entry with attributes. Returns why getfattr could not run, or null. */
export async function findExtendedAttributes(
  root: string,
  report: (problem: Problem) => void,
  command = 'getfattr',
): Promise<string | null> {
  const child = spawn(command, ['-R', '-P', '-h', '-m', '-', '--absolute-names', '--', root], {
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { PATH: process.env['PATH'] ?? '' },
  })
  const ended = new Promise<string | null>((resolve) => {
    child.on('error', (error) =>
      resolve(
        (error as NodeJS.ErrnoException).code === 'ENOENT' ? `${command} is not installed` : error.message,
      ),
    )
    // It ends with 1 if anything was unreadable, which the walk has found too.
    child.on('close', (status) => resolve(status === 0 || status === 1 ? null : `${command} failed`))
  })
  child.stdout.setEncoding('latin1')
  await readListing(createInterface({ input: child.stdout, crlfDelay: 0 }), root, report)
  return await ended
}

/**
 * @param lines of getfattr, each byte a character. A last entry that was cut off is reported as far as it
 * goes.
 */
export async function readListing(
  lines: AsyncIterable<string> | Iterable<string>,
  root: string,
  report: (problem: Problem) => void,
): Promise<void> {
  let path: Buffer | null = null
  let names: string[] = []
  const close = (): void => {
    const reportedNames = names.filter((name) => !systemAttribute.test(name))
    if (path !== null && reportedNames.length > 0)
      report({
        path,
        kind: 'not-recorded',
        detail: `extended attributes are left out: ${describe(reportedNames)}`,
      })
    path = null
    names = []
  }
  for await (const line of lines) {
    if (line.startsWith('# file: ')) {
      close()
      path = relativePath(unescape(line.slice('# file: '.length)), root)
    } else if (line === '') close()
    else names.push(line)
  }
  close()
}

function describe(names: string[]): string {
  const text = names.slice(0, 8).map((name) => attributeNames.get(name) ?? JSON.stringify(name))
  return text.join(', ') + (names.length > 8 ? ' …' : '')
}

/** getfattr writes line breaks and backslashes as three octal digits. */
function unescape(text: string): Buffer {
  return Buffer.from(
    text.replace(/\\([0-3][0-7]{2})/g, (_, digits: string) => String.fromCharCode(parseInt(digits, 8))),
    'latin1',
  )
}

function relativePath(path: Buffer, root: string): Buffer {
  const prefix = Buffer.from(root.replace(/\/+$/, ''))
  return path.length <= prefix.length ? Buffer.alloc(0) : path.subarray(prefix.length + 1)
}
