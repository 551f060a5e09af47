/** How the status page looks, light and dark, from a phone to a wall. No script, no font and no picture from elsewhere. */

export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #f7f6f2; --card: #ffffff; --ink: #1c2024; --quiet: #5c6370; --rule: #e3e0d8; --track: #e4e2dc;
  --good: #1a6e3c; --good-soft: #e3f2e7; --due: #8a5a00; --due-soft: #fbefd3; --bad: #b3261e; --bad-soft: #fce8e5;
  --window: #7f9bd9; --window-soft: #c9d6f5; --accent: #2f5fc4;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #131619; --card: #1b1f23; --ink: #e8e6e1; --quiet: #a2a9b4; --rule: #2e343a; --track: #343b42;
    --good: #6cc78c; --good-soft: #16301f; --due: #e3b453; --due-soft: #362a10; --bad: #ff8f85; --bad-soft: #3f1a18;
    --window: #5f7fc7; --window-soft: #2c3c63; --accent: #8fb0f5;
  }
}
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums; }
.page { max-width: 78rem; margin: 0 auto; padding: 2rem 1.5rem 3rem; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 2px; }
code { font: 0.92em ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; overflow-wrap: anywhere; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0.25rem 1rem; margin-bottom: 1.5rem; }
h1 { font-size: 1.35rem; letter-spacing: -0.01em; margin: 0; font-weight: 650; overflow-wrap: anywhere; }
header p { margin: 0; color: var(--quiet); }
header .at { margin-left: auto; }
.alert { background: var(--bad-soft); border-left: 4px solid var(--bad); border-radius: 4px; padding: 0.75rem 1rem; margin: 0 0 1.25rem; overflow-wrap: anywhere; }
.summary { display: grid; grid-template-columns: repeat(3, minmax(0, 1fr)) minmax(0, 2fr); gap: 1px; background: var(--rule); border: 1px solid var(--rule); border-radius: 10px; overflow: hidden; margin: 0 0 0.75rem; }
.summary > div { background: var(--card); padding: 0.9rem 1.1rem; margin: 0; }
.summary dt { color: var(--quiet); font-size: 0.86rem; }
.summary dd { margin: 0; font-size: 1.9rem; line-height: 1.15; font-weight: 600; letter-spacing: -0.02em; }
.summary .next dd { font-size: 1rem; font-weight: 400; line-height: 1.45; letter-spacing: 0; overflow-wrap: anywhere; padding-top: 0.3rem; }
.summary .some.bad dd { color: var(--bad); } .summary .some.due dd { color: var(--due); } .summary .some.good dd { color: var(--good); }
.share { display: block; width: 100%; height: 6px; margin: 0 0 1.25rem; border-radius: 3px; }
.share .bad { fill: var(--bad); } .share .due { fill: var(--due); } .share .good { fill: var(--good); }
.legend { display: flex; flex-wrap: wrap; gap: 0.35rem 1.4rem; list-style: none; margin: 0 0 0.5rem; padding: 0; color: var(--quiet); font-size: 0.86rem; }
.legend li { display: flex; align-items: center; gap: 0.45rem; }
.legend svg { width: 22px; height: 16px; flex: none; overflow: visible; }
table { width: 100%; border-collapse: separate; border-spacing: 0; background: var(--card); border: 1px solid var(--rule); border-radius: 10px; table-layout: fixed; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
th, td { text-align: left; vertical-align: top; padding: 0.7rem 0.75rem; overflow-wrap: anywhere; }
thead th { color: var(--quiet); font-weight: 500; font-size: 0.86rem; padding-block: 0.55rem; }
th:first-child, td:first-child { padding-left: 1.1rem; } th:last-child, td:last-child { padding-right: 1.1rem; }
.c-name { width: 26%; } .c-state { width: 9.6rem; } .c-when { width: 9.6rem; } .c-targets { width: 9.5rem; }
tbody tr > * { border-top: 1px solid var(--rule); }
table.dense tr.good > * { padding-block: 0.4rem; }
table.dense tr.good th { font-weight: 500; }
tbody tr.more > td { border-top: 0; padding-top: 0; }
thead + tbody tr.group th { border-top-color: var(--rule); }
tr.group th { background: var(--paper); color: var(--ink); font-size: 0.95rem; font-weight: 650; padding-block: 0.55rem; }
tr.group .count { color: var(--quiet); font-weight: 400; }
tbody th { font-weight: 600; }
.sub { display: block; color: var(--quiet); font-size: 0.86rem; font-weight: 400; }
.badge { display: inline-flex; align-items: center; gap: 0.4em; padding: 0.1em 0.65em 0.12em 0.5em; border-radius: 99px; font-size: 0.9rem; font-weight: 550; white-space: nowrap; }
.badge svg { width: 0.85em; height: 0.85em; fill: none; stroke: currentColor; stroke-width: 2.2; stroke-linecap: round; stroke-linejoin: round; flex: none; }
.badge.bad { color: var(--bad); background: var(--bad-soft); } .badge.due { color: var(--due); background: var(--due-soft); } .badge.good { color: var(--good); background: var(--good-soft); }
.line { display: block; width: 100%; height: 24px; overflow: visible; }
.line .track { fill: var(--track); }
.line.good .used { fill: var(--good); } .line.due .used { fill: var(--due); } .line.bad .used { fill: var(--bad); }
.window { fill: var(--window-soft); stroke: var(--window); stroke-width: 1; }
.pick { overflow: visible; } .pick path { fill: var(--accent); stroke: var(--card); stroke-width: 1.5; }
.next { fill: var(--card); stroke: var(--ink); stroke-width: 2; }
.end { fill: var(--quiet); } .now { fill: var(--ink); }
.ends { display: flex; justify-content: space-between; gap: 1rem; color: var(--quiet); font-size: 0.8rem; padding-inline: 6%; white-space: nowrap; }
.trouble { border-left: 3px solid var(--bad); padding-left: 0.75rem; margin: 0 0 0.35rem; max-width: 70rem; }
.trouble.due { border-color: var(--due); }
.trouble p { margin: 0; }
.trouble .sub { margin-top: 0.1rem; }
.targets { list-style: none; margin: 0; padding: 0; font-size: 0.92rem; }
.targets .failed { color: var(--bad); }
details { font-size: 0.9rem; }
summary { cursor: pointer; color: var(--quiet); width: fit-content; }
details dl { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 0.2rem 1rem; margin: 0.4rem 0 0.3rem; }
details dt { color: var(--quiet); } details dd { margin: 0; overflow-wrap: anywhere; }
.empty { background: var(--card); border: 1px solid var(--rule); border-radius: 10px; padding: 2.5rem 1.5rem; }
.empty h2 { margin: 0 0 0.5rem; font-size: 1.15rem; } .empty p { margin: 0.4rem 0; max-width: 46rem; } .empty pre { margin: 0.6rem 0; white-space: pre-wrap; }
footer { color: var(--quiet); font-size: 0.86rem; margin-top: 1.25rem; display: flex; flex-wrap: wrap; gap: 0.3rem 1.2rem; }
@media (max-width: 64rem) {
  .page { padding: 1.25rem 1rem 2rem; }
  header .at { margin-left: 0; width: 100%; }
  .summary { grid-template-columns: repeat(3, minmax(0, 1fr)); } .summary .next { grid-column: 1 / -1; }
  .summary > div { padding: 0.7rem 0.8rem; }
  thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
  table, tbody { display: block; }
  tbody tr { display: grid; grid-template-columns: minmax(0, 1fr) auto; gap: 0.35rem 0.75rem; padding: 0.75rem 0.9rem; border-top: 1px solid var(--rule); }
  tbody tr > *, tbody tr > :first-child, tbody tr > :last-child, table.dense tr.good > * { display: block; padding: 0; border: 0; }
  tbody:first-of-type tr:first-child { border-radius: 10px 10px 0 0; }
  tr.group { padding-block: 0.5rem; background: var(--paper); } tr.group th { background: none; grid-column: 1 / -1; }
  tr.more { border-top: 0; padding-top: 0; } tr.more td { grid-column: 1 / -1; }
  tbody tr > td:nth-child(2) { justify-self: end; }
  .cell-line, .cell-targets { grid-column: 1 / -1; }
  .cell-when::before { content: attr(data-label) " "; color: var(--quiet); font-size: 0.86rem; }
  .cell-when .sub { display: inline; margin-left: 0.6em; }
  .cell-when { grid-column: 1 / -1; }
  table.dense tr.good .cell-when { grid-column: auto; }
  tbody tr > .cell-none, table.dense tr.good > .cell-none { display: none; }
  .targets { display: flex; flex-wrap: wrap; gap: 0 1rem; }
  tbody:first-of-type tr:first-child { border-top: 0; }
}
@media print { .page { padding: 0; } details { display: none; } }
`;
