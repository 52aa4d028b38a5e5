// Uploads that run side by side and count in order: the vault has everything up to `confirmed`, without a gap.

interface Upload {
  end: bigint
  bytes: number
  isDone: boolean
}

export class OrderedUploads {
  private readonly onChange: (error: unknown) => void
  private readonly uploads: Upload[] = []
  confirmed: bigint
  /** Bytes that the vault has not acknowledged. */
  bytes = 0

  /** @param onChange is called after each upload, with the error of one that failed, else with null. */
  constructor(start: bigint, onChange: (error: unknown) => void) {
    this.confirmed = start
    this.onChange = onChange
  }

  get inFlight(): number {
    return this.uploads.filter(({ isDone }) => !isDone).length
  }

  add({ end, bytes }: { end: bigint; bytes: number }, work: Promise<unknown>): void {
    const upload = { end, bytes, isDone: false }
    this.uploads.push(upload)
    this.bytes += bytes
    void work.then(
      () => {
        upload.isDone = true
        this.bytes -= bytes
        while (this.uploads[0]?.isDone === true) this.confirmed = this.uploads.shift()!.end
        this.onChange(null)
      },
      (error: unknown) => this.onChange(error),
    )
  }
}
