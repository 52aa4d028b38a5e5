// Figures as the page shows them.
import prettyBytes from 'pretty-bytes'

export function bytesText(bytes: number): string {
  return prettyBytes(Math.round(bytes), { binary: true, maximumFractionDigits: bytes < 10 * 2 ** 30 ? 1 : 0 })
}

export function ratioText(ratio: number): string {
  return `${ratio.toFixed(2)}x`
}

export function secondsText(seconds: number): string {
  return `${seconds.toFixed(seconds < 10 ? 2 : 1)} s`
}
