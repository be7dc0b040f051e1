import { EMBEDDED_FAMILY } from '../../plot/font/embedded.js'

/** The report's style sheet: for screens, phones and A4. */
export const STYLE = `
:root { --ink: #1c2127; --soft: #59636e; --line: #d5dae0; --tint: #f5f7f9; --link: #0b4f8a; --yes: #12633a; --no: #9c2b12; --open: #6b5200; }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; color: var(--ink); background: #fff; font: 16px/1.5 '${EMBEDDED_FAMILY}', 'Source Sans 3', 'Source Sans Pro', 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans', sans-serif; }
main, header, footer { max-width: 62rem; margin: 0 auto; padding: 0 1.5rem; overflow-wrap: anywhere; }
header { padding-top: 3rem; }
h1, h2, h3 { line-height: 1.2; font-weight: 600; text-wrap: balance; }
h1 { font-size: 2.15rem; margin: 0 0 .5rem; letter-spacing: -.01em; }
h2 { font-size: 1.45rem; margin: 3.2rem 0 .8rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .6rem 0; max-width: 46rem; }
ul { padding-left: 1.2rem; max-width: 46rem; }
li { margin: .3rem 0; }
a { color: var(--link); text-underline-offset: .15em; text-decoration-thickness: 1px; }
a:focus-visible, [tabindex]:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
.lead { font-size: 1.12rem; color: var(--soft); }
.soft, .soft a { color: var(--soft); }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: #fff; padding: .3rem .6rem; }
nav ol { list-style: none; margin: 1rem 0 0; padding: 0; display: flex; flex-wrap: wrap; gap: .3rem 1.2rem; font-size: .95rem; }
nav li { margin: 0; }
.tally { list-style: none; display: flex; flex-wrap: wrap; gap: .8rem; padding: 0; margin: 1.4rem 0; max-width: none; }
.tally li { flex: 1 1 9rem; margin: 0; padding: .7rem 1rem .8rem; border: 1px solid var(--line); border-top: 3px solid currentColor; }
.tally b { display: block; font-size: 1.9rem; line-height: 1.15; font-weight: 600; font-variant-numeric: tabular-nums; }
.yes { color: var(--yes); } .no { color: var(--no); } .open { color: var(--open); }
.warning { border-left: 3px solid var(--open); background: var(--tint); padding: .5rem 1rem; }
.scroll { overflow-x: auto; margin: 1rem 0; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; line-height: 1.35; }
caption { text-align: left; color: var(--soft); padding-bottom: .5rem; }
th, td { text-align: left; vertical-align: top; padding: .45rem .7rem .45rem 0; border-bottom: 1px solid var(--line); }
th:last-child, td:last-child { padding-right: 0; }
thead th { border-bottom: 1.5px solid var(--ink); font-weight: 600; vertical-align: bottom; }
tbody th { font-weight: inherit; }
tbody th[scope=rowgroup] { padding-top: 1.2rem; font-weight: 600; font-size: 1rem; border-bottom: 1px solid var(--soft); }
.number, .claims td:not(:last-child) { font-variant-numeric: tabular-nums; }
th.number, td.number { text-align: right; }
.claims { min-width: 50rem; }
th, td { overflow-wrap: break-word; }
.claims .statement { min-width: 17rem; } .claims .unit { min-width: 6.5rem; }
.claims small, .note { color: var(--soft); font-size: .85em; display: block; }
.claims .nowrap, .nowrap { white-space: nowrap; overflow-wrap: normal; }
.verdict { font-weight: 600; white-space: nowrap; }
.verdict i { font-style: normal; display: inline-block; width: 1.25em; }
.strip { display: block; width: 100%; min-width: 8rem; height: 1.1rem; }
figure { margin: 1.6rem 0 2rem; }
figure > svg { display: block; max-width: 100%; height: auto; }
.plot { overflow-x: auto; }
.plot svg { font-family: '${EMBEDDED_FAMILY}', 'Source Sans 3', 'Source Sans Pro', 'Arial Narrow', 'Helvetica Neue', Arial, sans-serif; }
.plot svg { display: block; max-width: 100%; height: auto; margin: 0 auto; }
figcaption { margin-top: .6rem; font-size: .95rem; max-width: 46rem; }
.data { font-size: .88rem; color: var(--soft); }
dl { display: grid; grid-template-columns: minmax(8rem, max-content) 1fr; gap: .25rem 1.5rem; margin: 1rem 0; }
dt { color: var(--soft); } dd { margin: 0; }
pre { background: var(--tint); border: 1px solid var(--line); padding: .8rem 1rem; overflow-x: auto; font-size: .88rem; line-height: 1.5; }
code, pre { font-family: ui-monospace, 'Cascadia Mono', 'Source Code Pro', Menlo, Consolas, 'DejaVu Sans Mono', monospace; }
code { font-size: .9em; }
footer { margin: 4rem auto 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .88rem; }
@media (max-width: 40rem) {
  body { font-size: 15px; }
  main, header, footer { padding-left: 1rem; padding-right: 1rem; }
  header { padding-top: 1.5rem; }
  h1 { font-size: 1.7rem; }
  .plot svg { max-width: none; width: max(100%, 34rem); }
  dl { grid-template-columns: 1fr; gap: 0; } dd { margin-bottom: .5rem; }
}
@media print {
  @page { size: A4; margin: 17mm 16mm 18mm; }
  html { font-size: 10pt; }
  body { font-size: 9.6pt; line-height: 1.4; }
  main, header, footer { max-width: none; padding: 0; }
  header { padding-top: 0; }
  h1 { font-size: 20pt; } h2 { font-size: 14pt; margin-top: 8mm; } h3 { font-size: 11pt; }
  h2, h3, caption { break-after: avoid; }
  nav, .skip { display: none; }
  p, ul, figcaption { max-width: none; orphans: 3; widows: 3; }
  figure, .tally, dl, pre { break-inside: avoid; }
  figure .plot svg { max-height: 215mm; width: auto; }
  .scroll, .plot, pre { overflow: visible; }
  pre { white-space: pre-wrap; }
  table { font-size: 8.2pt; } .claims { min-width: 0; } .claims .statement { min-width: 0; } .claims .unit { min-width: 17mm; }
  thead { display: table-header-group; } tr { break-inside: avoid; }
  tbody th[scope=rowgroup] { break-after: avoid; }
  a { color: inherit; text-decoration: none; }
  .embedded { display: none; }
}
`
