import prettyBytes from 'pretty-bytes'

export function bytesText(bytes: number): string {
  return prettyBytes(bytes, { space: true })
}
