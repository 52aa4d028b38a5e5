// The manifest that PostgreSQL sends with a base backup: each file with its size and its SHA-256, and at the end the
// SHA-256 of the manifest itself. What arrived is compared with it, so that a file that was lost or changed on the way
// is no part of a snapshot. See "Backup Manifest Format" in PostgreSQL's documentation.
//
// The server writes one file a line. So the manifest of any number of files takes little memory: a line is parsed when
// it is whole, and what is no file is parsed at the end.
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { HoldfastError } from '../../core/errors.ts'
import { pathText } from '../../core/tree/path-text.ts'

/** A path has 1 KiB at most, and JSON writes each of its bytes with six characters at most. */
const maxLineBytes = 16 * 1024
/** The parts that describe no file: a line for each timeline of the base's WAL. */
const maxFrameCharacters = 1024 * 1024
const filePattern = /^\s*(\{ *"(?:Path|Encoded-Path)".*\}),?\s*$/s
const fileSchema = z
  .object({
    Path: z.string().optional(),
    'Encoded-Path': z
      .string()
      .regex(/^(?:[0-9a-f]{2})+$/)
      .optional(),
    Size: z.number().int().min(0),
    'Checksum-Algorithm': z.literal('SHA256'),
    Checksum: z.string().regex(/^[0-9a-f]{64}$/),
  })
  .refine((file) => (file.Path === undefined) !== (file['Encoded-Path'] === undefined), 'it names no file')
const frameSchema = z.object({
  'PostgreSQL-Backup-Manifest-Version': z.number().int().min(1).max(2),
  'System-Identifier': z.unknown().optional(),
  Files: z.array(z.unknown()).length(0),
  'Manifest-Checksum': z.string().regex(/^[0-9a-f]{64}$/),
})

export interface ArrivedFile {
  bytes: number
  /** SHA-256 in hexadecimal. */
  sha256: string
}

export class BaseManifest {
  /** Files that arrived and that no line has named yet, by their paths in latin1. */
  private readonly arrived: Map<string, ArrivedFile>
  private readonly hash = createHash('sha256')
  /** The lines that describe no file. */
  private frame = ''
  private line = Buffer.alloc(0)
  /** The last line is no part of what the checksum covers, so that each line waits for the next one. */
  private waitingLine: Buffer | null = null

  /** @param arrived the files that the server sent; those that the manifest confirms are removed. */
  constructor(arrived: Map<string, ArrivedFile>) {
    this.arrived = arrived
  }

  write(bytes: Buffer): void {
    let start = 0
    for (let end = bytes.indexOf(0x0a); end !== -1; end = bytes.indexOf(0x0a, start)) {
      this.takeLine(Buffer.concat([this.line, bytes.subarray(start, end + 1)]))
      this.line = Buffer.alloc(0)
      start = end + 1
    }
    this.line = Buffer.concat([this.line, bytes.subarray(start)])
    if (this.line.length > maxLineBytes) throw unknownForm('a line is too long')
  }

  private takeLine(line: Buffer): void {
    if (this.waitingLine !== null) this.hash.update(this.waitingLine)
    this.waitingLine = line
    const text = line.toString()
    const file = filePattern.exec(text)?.[1]
    if (file !== undefined) this.compare(file)
    else this.frame += text
    if (this.frame.length > maxFrameCharacters) throw unknownForm('too much of it describes no file')
  }

  private compare(line: string): void {
    const file = fileSchema.safeParse(parseJson(line))
    if (!file.success) throw unknownForm('a file is described in another way')
    const { Path, 'Encoded-Path': encoded, Size, Checksum } = file.data
    const path = (Path === undefined ? Buffer.from(encoded!, 'hex') : Buffer.from(Path)).toString('latin1')
    const match = this.arrived.get(path)
    if (match?.bytes !== Size || match.sha256 !== Checksum)
      throw differs(
        path,
        match === undefined
          ? 'it did not arrive'
          : match.bytes === Size
            ? 'it arrived with other bytes'
            : `it arrived with ${match.bytes} bytes, not ${Size}`,
      )
    this.arrived.delete(path)
  }

  /** @throws `conflict` if the manifest is not whole, or if a file arrived that it doesn't name. */
  finish(): void {
    // The server ends its last line with a line feed.
    if (this.line.length > 0 || this.waitingLine === null) throw unknownForm('it is cut off')
    const frame = frameSchema.safeParse(parseJson(this.frame))
    if (!frame.success) throw unknownForm(frame.error.issues[0]?.path.join('.') ?? 'it is no object')
    if (this.hash.digest('hex') !== frame.data['Manifest-Checksum'])
      throw new HoldfastError(
        'conflict',
        "the base backup's manifest has other bytes than its checksum says",
        {
          hint: 'back up again: something changed the bytes between the server and here',
          retryable: true,
        },
      )
    const [extra] = this.arrived.keys()
    if (extra !== undefined) throw differs(extra, 'the manifest does not name it')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw unknownForm('it is not JSON')
  }
}

function differs(path: string, detail: string): HoldfastError {
  const name = pathText(Buffer.from(path, 'latin1'))
  return new HoldfastError('conflict', `the base backup differs from its manifest at ${name}: ${detail}`, {
    hint: 'back up again: the server read other bytes than it sent, or something changed them on the way',
    retryable: true,
  })
}

function unknownForm(detail: string): HoldfastError {
  return new HoldfastError('unsupported-format', `the manifest of the base backup can't be read: ${detail}`)
}
