// The style sheet of the pages, inline, because a page must stand alone for years.

const light = `--ink: #1c2430; --dim: #566375; --line: #dde3ea; --paper: #fff; --ground: #f3f5f8; --series: #0b5cad;
  --good: #0d6a43; --good-ground: #e3f4ec; --bad: #b3261e; --bad-ground: #fdeae8; --unclear: #6d5000; --unclear-ground: #fbf3d7;`

/** Below this width the rows of a table become blocks. */
const narrow = '859px'

export const styleSheet = `
:root { color-scheme: light dark; ${light} }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --dim: #9aa8b8; --line: #2e3947; --paper: #18202a; --ground: #10161e; --series: #79b8ff;
  --good: #6fd3a6; --good-ground: #14352a; --bad: #ff9c93; --bad-ground: #431d1b; --unclear: #e8cc6f; --unclear-ground: #3a3115; } }
* { box-sizing: border-box }
html { -webkit-text-size-adjust: 100% }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif; overflow-wrap: anywhere }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px }
header { border-left: 8px solid var(--good); background: var(--paper); border-radius: 10px; padding: 22px 26px; border-top: 1px solid var(--line) }
header.fell { border-left-color: var(--bad) }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em }
h2 { font-size: 18px; margin: 36px 0 10px }
h3 { font-size: 15px; margin: 20px 0 6px; color: var(--dim); font-weight: 600 }
p { margin: 4px 0; max-width: 76ch } .dim { color: var(--dim) }
.tiles, .cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(160px, 100%), 1fr)); gap: 10px; margin-top: 14px }
.cards { grid-template-columns: repeat(auto-fill, minmax(min(300px, 100%), 1fr)) }
.tile, .card, figure { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px; margin: 0; min-width: 0 }
.tile b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; letter-spacing: -.01em }
.tile span { color: var(--dim); font-size: 13px }
.card { border-left: 5px solid var(--good) } .card.fell { border-left-color: var(--bad) } .card h3 { margin: 0 0 6px; color: var(--ink) }
.finding { margin-top: 10px }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 6px 0 0; font-size: 14px } dt { color: var(--dim) } dd { margin: 0 }
figcaption { font-size: 13px; color: var(--dim) } figcaption b { color: var(--ink); font-size: 14px }
svg { display: block; width: 100%; height: auto; margin-top: 6px; font: 11px system-ui, -apple-system, 'Segoe UI', sans-serif }
svg text { fill: var(--dim) } svg .grid { stroke: var(--line) } svg .series { fill: none; stroke: var(--series); stroke-width: 2; stroke-linejoin: round }
svg .dot { fill: var(--series) } svg .over { fill: none; stroke: var(--bad); stroke-width: 2 } svg .limit { stroke: var(--ink); stroke-dasharray: 5 4 }
svg.phases { max-width: 560px }
svg .bar { fill: var(--series) }
.sheet { background: var(--paper); border: 1px solid var(--line); border-radius: 10px }
table { border-collapse: collapse; width: 100%; font-size: 14px }
th, td { text-align: left; vertical-align: top; padding: 7px 12px; border-top: 1px solid var(--line) }
thead th { border-top: 0; color: var(--dim); font-weight: 600; font-size: 12.5px; overflow-wrap: normal }
td.dim { color: var(--dim) }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: normal }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
code { font: 12.5px ui-monospace, SFMono-Regular, Menlo, monospace }
.badge { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 12.5px; font-weight: 600; white-space: nowrap }
.good { color: var(--good); background: var(--good-ground) } .bad { color: var(--bad); background: var(--bad-ground) }
.unclear { color: var(--unclear); background: var(--unclear-ground) }
ul { margin: 4px 0; padding-left: 18px }
summary { cursor: pointer; padding: 6px 0 }
footer { margin-top: 40px; color: var(--dim); font-size: 13px }
@media (max-width: ${narrow}) {
  main { padding: 16px 12px 40px } header { padding: 16px 18px } h1 { font-size: 22px }
  table, tbody, tr, td { display: block; width: 100% }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  tr { padding: 8px 0; border-top: 1px solid var(--line) } tr:first-child { border-top: 0 }
  td { border: 0; padding: 2px 12px; display: grid; grid-template-columns: minmax(0, 7.5em) minmax(0, 1fr); gap: 0 10px }
  td::before { content: attr(data-label); color: var(--dim); font-size: 12.5px; overflow-wrap: normal }
  td[data-label=''] { grid-template-columns: minmax(0, 1fr) } td[data-label='']::before { content: none }
  td.number { text-align: left }
}
@media (max-width: 380px) { td { grid-template-columns: minmax(0, 1fr) } dl { grid-template-columns: minmax(0, 1fr); gap: 0 } dd { margin-bottom: 4px } }
@media print { :root { ${light} --ground: #fff }
  body { font-size: 11pt } main { max-width: none; padding: 0 } tr, .card, figure, .tile { break-inside: avoid } h2, h3 { break-after: avoid } }
`
