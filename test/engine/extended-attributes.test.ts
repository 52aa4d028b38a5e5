import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findExtendedAttributes } from '../../engine/extended-attributes.ts'
import type { Problem } from '../../engine/operations.ts'

const folder = mkdtempSync(join(tmpdir(), 'holdfast-attributes-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A program that answers as getfattr does, whether or not it is installed. */
function speaking(output: string, status = 0): string {
  const program = join(folder, `getfattr-${status}-${output.length}`)
  writeFileSync(`${program}.txt`, output, 'latin1')
  writeFileSync(program, `#!/bin/sh\ncat "$0.txt"\nexit ${status}\n`)
  chmodSync(program, 0o755)
  return program
}

async function find(command: string): Promise<{ note: string | null; problems: Problem[] }> {
  const problems: Problem[] = []
  const note = await findExtendedAttributes('/srv/data/', (problem) => void problems.push(problem), command)
  return { note, problems }
}

describe('extended attributes', () => {
  test('are reported for each entry that has some, by its bytes', async () => {
    const { note, problems } = await find(speaking('# file: /srv/data/a\nuser.x\nuser.y\n\n# file: /srv/data/d/b\\012c\xff\nsystem.posix_acl_access\n\n# file: /srv/data\nuser.z\n\n'))
    expect(note).toBeNull()
    expect(problems.map(({ path }) => path.toString('latin1'))).toEqual(['a', 'd/b\nc\xff', ''])
    expect(problems.map(({ detail }) => detail)).toEqual([
      'extended attributes are left out: "user.x", "user.y"', 'extended attributes are left out: an ACL', 'extended attributes are left out: "user.z"',
    ])
  })

  test('of the system itself are no loss', async () => {
    expect(await find(speaking('# file: /srv/data/a\nsecurity.selinux\n\n'))).toEqual({ note: null, problems: [] })
  })

  test('that nobody can look for are said to be', async () => {
    expect(await find(join(folder, 'missing'))).toEqual({ note: `${join(folder, 'missing')} is not installed`, problems: [] })
    expect((await find(speaking('', 2))).note).toMatch(/failed$/)
  })

  test('of what is readable are reported although something is not', async () => {
    const { note, problems } = await find(speaking('# file: /srv/data/a\nuser.x\n\n', 1))
    expect([note, problems.length]).toEqual([null, 1])
  })
})
