import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, describe, expect, test } from 'vitest'
import { anyCharacter } from '../../fixtures/any-character.ts'
import { findExtendedAttributes, readListing } from '../../../engine/backup/extended-attributes.ts'
import type { Problem } from '../../../engine/operations.ts'

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
    const { note, problems } = await find(
      speaking(
        '# file: /srv/data/a\nuser.x\nuser.y\n\n# file: /srv/data/d/b\\012c\xff\nsystem.posix_acl_access\n\n# file: /srv/data\nuser.z\n\n',
      ),
    )
    expect(note).toBeNull()
    expect(problems.map(({ path }) => path.toString('latin1'))).toEqual(['a', 'd/b\nc\xff', ''])
    expect(problems.map(({ detail }) => detail)).toEqual([
      'extended attributes are left out: "user.x", "user.y"',
      'extended attributes are left out: an ACL',
      'extended attributes are left out: "user.z"',
    ])
  })

  test('of the system itself are no loss', async () => {
    expect(await find(speaking('# file: /srv/data/a\nsecurity.selinux\n\n'))).toEqual({
      note: null,
      problems: [],
    })
  })

  test('that nobody can look for are said to be', async () => {
    expect(await find(join(folder, 'missing'))).toEqual({
      note: `${join(folder, 'missing')} is not installed`,
      problems: [],
    })
    expect((await find(speaking('', 2))).note).toMatch(/failed$/)
  })

  test('of what is readable are reported although something is not', async () => {
    const { note, problems } = await find(speaking('# file: /srv/data/a\nuser.x\n\n', 1))
    expect([note, problems.length]).toEqual([null, 1])
  })
})

describe('a listing', () => {
  // As getfattr writes it: line breaks and backslashes in octal, `=` too in a name, and nothing else.
  const escape = (bytes: Uint8Array, escapedToo = ''): string =>
    Array.from(bytes, (byte) =>
      `\n\r\\${escapedToo}`.includes(String.fromCharCode(byte))
        ? `\\${byte.toString(8).padStart(3, '0')}`
        : String.fromCharCode(byte),
    ).join('')
  const bytesWithout = (...without: number[]) =>
    fc
      .uint8Array({ minLength: 1, maxLength: 12 })
      .filter((bytes) => !bytes.some((byte) => without.includes(byte)))
  const entries = fc.array(
    fc.record({ path: bytesWithout(0), names: fc.array(bytesWithout(0), { minLength: 1, maxLength: 3 }) }),
    { maxLength: 5 },
  )
  const write = (records: { path: Uint8Array; names: Uint8Array[] }[]): string =>
    records
      .map(
        ({ path, names }) =>
          `# file: /srv/data/${escape(path)}\n${names.map((name) => `user.${escape(name, '=')}\n`).join('')}\n`,
      )
      .join('')
  const read = async (text: string): Promise<Problem[]> => {
    const problems: Problem[] = []
    await readListing(text.split(/\r\n|\n|\r/), '/srv/data/', (problem) => void problems.push(problem))
    return problems
  }

  test('of any names comes back byte for byte', async () => {
    await fc.assert(
      fc.asyncProperty(entries, async (records) => {
        expect(
          (await read(write(records))).map(({ path, detail }) => [path.toString('hex'), detail]),
        ).toEqual(
          records.map(({ path, names }) => [
            Buffer.from(path).toString('hex'),
            `extended attributes are left out: ${names.map((name) => JSON.stringify(`user.${escape(name, '=')}`)).join(', ')}`,
          ]),
        )
      }),
    )
  })

  test('that was cut off loses nothing of what it had said', async () => {
    await fc.assert(
      fc.asyncProperty(entries, fc.nat(), async (records, at) => {
        const text = write(records)
        const cut = text.slice(0, at % (text.length + 1))
        // Names that are there whole, each with its line.
        const whole = cut
          .split('\n')
          .slice(0, -1)
          .filter((line) => line.startsWith('user.'))
        const details = (await read(cut)).map(({ detail }) => detail).join()
        for (const name of whole) expect(details).toContain(JSON.stringify(name))
      }),
    )
  })

  test('of any other kind is read without an error', async () => {
    const line = fc.oneof(
      fc.string(),
      fc.string({ unit: anyCharacter }),
      fc.string().map((text) => `# file: ${text}`),
      fc.constantFrom('', '# file: ', '\\777', '# file: /srv/data\\400', '# file: /'),
    )
    await fc.assert(
      fc.asyncProperty(fc.array(line), async (lines) => {
        const problems: Problem[] = []
        await readListing(lines, '/srv/data', (problem) => void problems.push(problem))
        for (const { path } of problems) expect(Buffer.isBuffer(path)).toBe(true)
      }),
    )
  })
})
