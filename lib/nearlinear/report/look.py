"""How the page looks: light and dark by the reader's own choice, wide and on a phone, on screen and on paper."""

CSS = """\
:root {
  --panel: #ffffff; --page: #f6f7f9; --ink: #1f2328; --faint: #57606a; --grid: #e4e7eb; --warning: #a33c00;
  --blue: #0072b2; --vermillion: #b84000; --green: #00855f; --purple: #a64d82; --orange: #b87a00; --sky: #3a93c9;
  --grey: #767676; --note: #fff6e5;
  color-scheme: light dark;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --panel: #1b2027; --page: #14181d; --ink: #e6e9ee; --faint: #a4adb8; --grid: #343c46; --warning: #ffa870;
    --blue: #58b4ee; --vermillion: #ff8b4d; --green: #3ecfa0; --purple: #df8fc0; --orange: #e3ab3d; --sky: #86c8ef;
    --grey: #9aa3ad; --note: #33290f;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.6 system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main { max-width: 52rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: 0.5rem 0; overflow-wrap: anywhere; }
h2 { font-size: 1.2rem; margin: 2.4rem 0 0.6rem; }
p, li, dd, code { overflow-wrap: anywhere; }
p { margin: 0.6rem 0; }
.kicker, figcaption, .small { color: var(--faint); font-size: 0.86rem; line-height: 1.5; }
.kicker { margin: 0; }
.summary li { margin: 0.35rem 0; }
.note { background: var(--note); border-left: 4px solid var(--warning); padding: 0.6rem 0.9rem; border-radius: 4px; }
figure, .scroll { margin: 1rem 0; padding: 0.7rem; background: var(--panel); border-radius: 6px; }
.drawing, .scroll { overflow-x: auto; }
.drawing:focus-visible, .scroll:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
.drawing svg { display: block; width: 100%; min-width: 540px; height: auto; }
.drawing svg * { stroke-linejoin: round; stroke-linecap: butt; }
figcaption { margin-top: 0.5rem; }
table { border-collapse: collapse; font-size: 0.84rem; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: 600; padding-bottom: 0.3rem; }
th, td { text-align: left; vertical-align: top; padding: 0.25rem 0.9rem 0.25rem 0; }
th, td { border-bottom: 1px solid var(--grid); }
thead th { border-color: var(--faint); }
tbody th { font-weight: normal; color: var(--faint); white-space: nowrap; }
td.text { overflow-wrap: anywhere; }
.numbers td, .numbers th { text-align: right; padding: 0.2rem 0.6rem 0.2rem 0; }
code { font: 0.88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; }
pre { margin: 0.6rem 0; padding: 0.7rem 0.9rem; background: var(--panel); border-radius: 6px; white-space: pre-wrap; }
details { margin: 0.6rem 0; }
summary { cursor: pointer; }
summary:focus-visible { outline: 3px solid var(--blue); outline-offset: 2px; }
@page { margin: 16mm 14mm; }
@media print {
  body { background: none; font-size: 10.5pt; }
  main { max-width: none; padding: 0; }
  figure, .scroll, pre { padding: 0; break-inside: avoid; }
  .long { break-inside: auto; }
  tr, li { break-inside: avoid; }
  .drawing, .scroll { overflow: visible; }
  .drawing svg { min-width: 0; max-width: 17cm; margin: 0 auto; }
  .numbers { font-size: 7.5pt; }
  .numbers td, .numbers th { padding-right: 0.25rem; }
  h2 { break-after: avoid; }
  pre { border: 1px solid var(--grid); padding: 0.5rem; }
  details::details-content { content-visibility: visible; block-size: auto; }
  * { print-color-adjust: exact; }
}
"""
