// Splits a file of CloudTrail, {"Records":[{...},{...}]}, into its records while it arrives. A file unpacks to any
// size, and a record can hold what an attacker sent: so memory holds one record, and that up to a limit.

const maxDepth = 64
/** CloudTrail cuts fields so that an event has at most 1 MB. */
export const maxRecordBytes = 1024 * 1024

const quote = 0x22
const backslash = 0x5c
const open = new Set([0x7b, 0x5b])
const close = new Set([0x7d, 0x5d])
/** The object of a record lies in the list of the object of the file. */
const recordDepth = 3

export class RecordSplitter {
  /** Records that were too long. */
  tooLong = 0
  private depth = 0
  private isInText = false
  private isEscaped = false
  private parts: Buffer[] = []
  private bytes = 0
  private isTooLong = false

  /** The records that end in `chunk`, as JSON text. @throws `RangeError` for a file that is nested too deeply. */
  feed(chunk: Buffer): string[] {
    const records: string[] = []
    let start = this.depth >= recordDepth ? 0 : -1
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index]!
      if (this.isInText) {
        if (this.isEscaped) this.isEscaped = false
        else if (byte === backslash) this.isEscaped = true
        else if (byte === quote) this.isInText = false
      } else if (byte === quote) this.isInText = true
      else if (open.has(byte)) {
        this.depth++
        if (this.depth > maxDepth) throw new RangeError('the file is nested too deeply')
        if (this.depth === recordDepth) start = index
      } else if (close.has(byte)) {
        this.depth--
        if (this.depth !== recordDepth - 1) continue
        this.keep(chunk.subarray(start, index + 1))
        const record = this.take()
        if (record !== null) records.push(record)
        start = -1
      }
    }
    if (start !== -1) this.keep(chunk.subarray(start))
    return records
  }

  /** True if the file ended where it should. */
  get isWhole(): boolean {
    return this.depth === 0 && !this.isInText
  }

  private keep(part: Buffer): void {
    this.bytes += part.length
    this.isTooLong ||= this.bytes > maxRecordBytes
    if (this.isTooLong) this.parts = []
    // A copy, because the chunk's memory is used again.
    else this.parts.push(Buffer.from(part))
  }

  private take(): string | null {
    const text = this.isTooLong ? null : Buffer.concat(this.parts).toString('utf8')
    if (this.isTooLong) this.tooLong++
    this.parts = []
    this.bytes = 0
    this.isTooLong = false
    return text
  }
}
