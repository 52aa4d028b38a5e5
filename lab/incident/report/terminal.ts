// The drill on a terminal: one line per event, and on a TTY a last line with the current activity.
import { styleText } from 'node:util'
import { terminalText } from '../../../restore-cli/render/terminal-text.ts'
import type { ClaimResult } from '../claims.ts'
import { stepNames } from '../timeline.ts'
import type { StepName, TimelineEntry, TimelineListener } from '../timeline.ts'

type Style = Parameters<typeof styleText>[0]

export class Terminal implements TimelineListener {
  private readonly stream: NodeJS.WriteStream
  private transient = false

  constructor(stream: NodeJS.WriteStream) {
    this.stream = stream
  }

  begin(step: StepName, title: string): void {
    this.write(`\n${this.style('bold', `${stepNames.indexOf(step) + 1}/${stepNames.length} ${title}`)}\n`)
  }

  note({ at, elapsedMs, text }: TimelineEntry): void {
    const when = `${at.slice(5, 16).replace('T', ' ')} ${`+${(elapsedMs / 1000).toFixed(1)}s`.padStart(7)}`
    this.write(`  ${this.style('dim', when)}  ${terminalText(text)}\n`)
  }

  progress(text: string): void {
    if (!this.stream.isTTY) return
    this.clear()
    this.stream.write(
      this.style('dim', `  … ${terminalText(text).slice(0, Math.max(20, (this.stream.columns ?? 80) - 6))}`),
    )
    this.transient = true
  }

  claim({ name, status, evidence, findings, findingCount }: ClaimResult): void {
    const [mark, style] = (
      { held: ['held', 'green'], fell: ['FELL', 'red'], 'not-examined': ['NOT EXAMINED', 'red'] } as const
    )[status]
    const detail = evidence === '' ? '' : `  ${terminalText(evidence)}`
    this.write(`  ${this.style(style, mark.padEnd(4))}  ${name}${this.style('dim', detail)}\n`)
    for (const finding of findings.slice(0, 5))
      this.write(`        ${this.style('red', terminalText(finding))}\n`)
    if (findingCount > 5) this.write(`        and ${findingCount - 5} more, in the report\n`)
  }

  print(text: string): void {
    this.write(`${text}\n`)
  }

  private write(text: string): void {
    this.clear()
    this.stream.write(text)
  }

  private clear(): void {
    if (this.transient) this.stream.write('\r\u001b[2K')
    this.transient = false
  }

  private style(style: Style, text: string): string {
    return styleText(style, text, { stream: this.stream })
  }
}
