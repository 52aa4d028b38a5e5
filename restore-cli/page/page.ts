// The frame and the parts that all HTML pages share. A page is one file without scripts, which loads nothing.
import { sha256 } from '../../core/digest.ts'
import { html, Markup } from './markup.ts'
import { styleSheet } from './style.ts'

export interface Page {
  title: string
  /** Chooses the color of the header. */
  held: boolean
  /** Paragraphs below the title. */
  summary: Markup
  sections: Markup
  footer: Markup
}

/** The hash admits this style sheet alone: markup that a hostile name could add gets no style, and no script. */
const policy = [
  "default-src 'none'",
  `style-src 'sha256-${Buffer.from(sha256(Buffer.from(styleSheet))).toString('base64')}'`,
  "base-uri 'none'",
  "form-action 'none'",
].join('; ')

/** The content of the element must have exactly the bytes of the hash. */
const styleElement = new Markup(`<style>${styleSheet}</style>`)

export function renderPage({ title, held, summary, sections, footer }: Page): string {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta http-equiv="Content-Security-Policy" content="${new Markup(policy)}" />
        <meta name="referrer" content="no-referrer" />
        <title>${title}</title>
        ${styleElement}
      </head>
      <body>
        <main>
          <header class="${held ? 'held' : 'fell'}">
            <h1>${title}</h1>
            ${summary}
          </header>
          ${sections}
          <footer>${footer}</footer>
        </main>
      </body>
    </html> `.text
}

export function tile(figure: string, caption: string): Markup {
  return html`<div class="tile"><b>${figure}</b><span>${caption}</span></div>`
}

const badgeSigns = { good: '✓', bad: '✗', unclear: '?' } as const

/** Sign and word carry the meaning: the color only repeats it. */
export function badge(style: keyof typeof badgeSigns, text: string): Markup {
  const sign = html`<span aria-hidden="true">${badgeSigns[style]}</span>`
  return html`<span class="badge ${style}">${sign} ${text}</span>`
}

/** A text in a list, at most the first ones, with the count of those that are not shown. */
export function list(texts: readonly string[], count = texts.length): Markup {
  if (texts.length === 0) return html``
  const remainder = count > texts.length ? [html`<li>and ${count - texts.length} more</li>`] : []
  return html`<ul>
    ${texts.map((text) => html`<li>${text}</li>`)}${remainder}
  </ul>`
}

/** A sentence of ours, in which backquotes mark code. */
export function sentence(text: string): Markup {
  return html`${text.split('`').map((part, index) => (index % 2 === 0 ? html`${part}` : html`<code>${part}</code>`))}`
}

export interface Column {
  heading: string
  kind: 'text' | 'dim' | 'number'
}
type Cell = string | Markup

export function dim(heading: string): Column {
  return { heading, kind: 'dim' }
}

export function number(heading: string): Column {
  return { heading, kind: 'number' }
}

/** On a narrow screen each row becomes a block, and each cell shows the heading of its column. */
export function table(headings: readonly (string | Column)[], rows: readonly (readonly Cell[])[]): Markup {
  const columns = headings.map((heading) =>
    typeof heading === 'string' ? { heading, kind: 'text' as const } : heading,
  )
  return html`<div class="sheet">
    <table>
      <thead>
        <tr>
          ${columns.map(({ heading, kind }) => html`<th scope="col" class="${kind}">${heading === '' ? html`<span class="unseen">Result</span>` : heading}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (cells) =>
            html`<tr>
              ${cells.map((cell, index) => cellMarkup(cell, columns[index]!))}
            </tr>`,
        )}
      </tbody>
    </table>
  </div>`
}

function cellMarkup(cell: Cell, { heading, kind }: Column): Markup {
  return html`<td class="${kind}" data-label="${heading}"><div>${cell}</div></td>`
}

/** Declared resources that the sandbox doesn't emulate. */
export function resourceTable(resources: readonly { type: string; name: string; account: string }[]): Markup {
  return table(
    ['Type', 'Name', 'Account'],
    resources.map(({ type, name, account }) => [html`<code>${type}</code>`, name, account]),
  )
}
