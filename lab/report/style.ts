// The style sheet of the reports, inline, because a report must stand alone for years.

export const styleSheet = `
:root { color-scheme: light dark; --ink: #1c2430; --dim: #5d6b7c; --line: #dde3ea; --paper: #fff; --ground: #f3f5f8;
  --good: #11734b; --good-ground: #e3f4ec; --bad: #b3261e; --bad-ground: #fdeae8; --unclear: #7a5b00; --unclear-ground: #fbf3d7; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6ebf1; --dim: #9aa8b8; --line: #2e3947; --paper: #18202a; --ground: #10161e;
  --good: #6fd3a6; --good-ground: #14352a; --bad: #ff9c93; --bad-ground: #431d1b; --unclear: #e8cc6f; --unclear-ground: #3a3115; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', sans-serif }
main { max-width: 1080px; margin: 0 auto; padding: 32px 20px 64px }
header { border-left: 8px solid var(--good); background: var(--paper); border-radius: 10px; padding: 22px 26px; border-top: 1px solid var(--line) }
header.fell { border-left-color: var(--bad) }
h1 { font-size: 26px; line-height: 1.2; margin: 0 0 6px; letter-spacing: -.01em }
h2 { font-size: 18px; margin: 36px 0 10px }
h3 { font-size: 15px; margin: 20px 0 6px; color: var(--dim); font-weight: 600 }
p { margin: 4px 0; max-width: 76ch } .dim { color: var(--dim) }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(160px, 1fr)); gap: 10px; margin-top: 14px }
.tile { background: var(--paper); border: 1px solid var(--line); border-radius: 10px; padding: 12px 14px }
.tile b { display: block; font-size: 22px; font-variant-numeric: tabular-nums; letter-spacing: -.01em }
.tile span { color: var(--dim); font-size: 13px }
.scroll { overflow-x: auto; background: var(--paper); border: 1px solid var(--line); border-radius: 10px }
table { border-collapse: collapse; width: 100%; font-size: 14px }
th, td { text-align: left; vertical-align: top; padding: 7px 12px; border-top: 1px solid var(--line) }
thead th { border-top: 0; color: var(--dim); font-weight: 600; font-size: 12.5px; white-space: nowrap }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap }
code { font: 12.5px ui-monospace, SFMono-Regular, Menlo, monospace; overflow-wrap: anywhere }
.badge { display: inline-block; padding: 1px 9px; border-radius: 99px; font-size: 12.5px; font-weight: 600; white-space: nowrap }
.good { color: var(--good); background: var(--good-ground) } .bad { color: var(--bad); background: var(--bad-ground) }
.unclear { color: var(--unclear); background: var(--unclear-ground) }
ul { margin: 4px 0; padding-left: 18px } li { overflow-wrap: anywhere }
footer { margin-top: 40px; color: var(--dim); font-size: 13px }
@media print { body { background: #fff } main { max-width: none; padding: 0 } .scroll { overflow: visible } tr { break-inside: avoid } }
`
