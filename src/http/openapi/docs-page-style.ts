/** How the page at /docs looks: one column on a phone, two on a desk, light or dark as the reader has it. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --line: #dde1e7; --text: #1a2230; --soft: #5a6576;
  --accent: #0b63ce; --on-accent: #ffffff; --field: #ffffff; --code: #f1f3f6;
  --good: #13743d; --bad: #b3261e; --chip: #e8eef7;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #10141a; --card: #181e27; --line: #2c3543; --text: #e6eaf0; --soft: #98a4b5;
    --accent: #6cb0ff; --on-accent: #07182b; --field: #10151d; --code: #10151d;
    --good: #5fd08d; --bad: #ff8f86; --chip: #223049;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
html { scroll-padding-top: 1rem; }
body { margin: 0; background: var(--page); color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
a { color: var(--accent); }
code, pre, textarea, .mono { font-family: ui-monospace, "SFMono-Regular", Menlo, Consolas, monospace; font-size: 0.875rem; }
h1, h2, h3 { line-height: 1.25; margin: 0; }
h1 { font-size: 1.25rem; }
h2 { font-size: 1.5rem; overflow-wrap: anywhere; }
h3 { font-size: 1rem; }
.curl, .answers { margin-top: 1.25rem; }
.skip { position: absolute; left: -100rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--card); padding: 0.5rem 1rem; z-index: 1; }
header { display: flex; flex-wrap: wrap; gap: 0.5rem 1.25rem; align-items: center; padding: 0.75rem 1.25rem;
  background: var(--card); border-bottom: 1px solid var(--line); }
header .grow { flex: 1; }
header label { display: flex; gap: 0.5rem; align-items: center; color: var(--soft); }
.layout { display: grid; grid-template-columns: 15rem minmax(0, 1fr); gap: 1.5rem; max-width: 80rem; margin: 0 auto; padding: 1.25rem; }
nav h2 { font-size: 0.8125rem; color: var(--soft); text-transform: uppercase; letter-spacing: 0.05em; margin: 0 0 0.5rem; }
nav ul { list-style: none; margin: 0 0 1.5rem; padding: 0; }
nav a { display: block; padding: 0.375rem 0.75rem; border-radius: 0.375rem; color: inherit; text-decoration: none; overflow-wrap: anywhere; }
nav a:hover { background: var(--chip); }
nav a[aria-current] { background: var(--accent); color: var(--on-accent); }
main > section { margin-bottom: 1.5rem; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 0.625rem; padding: 1.25rem; margin-bottom: 1.25rem; }
.row { display: flex; flex-wrap: wrap; gap: 0.5rem 0.75rem; align-items: center; }
.row.apart { justify-content: space-between; }
.soft { color: var(--soft); }
.chip { background: var(--chip); border-radius: 1rem; padding: 0.0625rem 0.625rem; font-size: 0.8125rem; overflow-wrap: anywhere; }
.head { margin-bottom: 1.25rem; }
.fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(10.5rem, 1fr)); gap: 0.75rem; max-height: 28rem; overflow: auto;
  padding: 0.25rem; margin: 0.75rem -0.25rem; }
.fields.many { grid-template-columns: repeat(auto-fill, minmax(5.5rem, 1fr)); gap: 0.5rem; }
.fields.wide { grid-template-columns: 1fr; }
.field > label { display: block; font-size: 0.8125rem; color: var(--soft); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
input, select, textarea, button { font: inherit; color: inherit; }
input:not([type="checkbox"]), select, textarea { width: 100%; min-width: 0; padding: 0.375rem 0.625rem; background: var(--field); border: 1px solid var(--line); border-radius: 0.375rem; }
header input { width: 14rem !important; }
.row select { width: auto; }
textarea { min-height: 9rem; resize: vertical; line-height: 1.45; font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.875rem; }
.field textarea { min-height: 5rem; }
button { padding: 0.4375rem 1rem; border: 1px solid var(--line); background: var(--card); border-radius: 0.375rem; cursor: pointer; }
button:hover { border-color: var(--accent); }
button.main { background: var(--accent); border-color: var(--accent); color: var(--on-accent); font-weight: 600; }
button[aria-pressed="true"] { background: var(--chip); border-color: var(--accent); }
button[disabled] { opacity: 0.6; cursor: progress; }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.answer { margin-top: 1rem; }
pre { margin: 0.5rem 0 0; padding: 0.75rem; background: var(--code); border: 1px solid var(--line); border-radius: 0.375rem;
  max-height: 26rem; overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; }
.good { color: var(--good); font-weight: 600; }
.bad { color: var(--bad); font-weight: 600; }
.bars { display: grid; grid-template-columns: max-content minmax(6rem, 1fr) max-content; gap: 0.25rem 0.75rem; align-items: center; margin: 0.75rem 0; max-width: 40rem; }
.bars meter { width: 100%; height: 1rem; }
.headline { font-size: 1.25rem; font-weight: 600; margin: 0.5rem 0 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; margin-top: 0.5rem; font-size: 0.9375rem; }
th, td { text-align: left; vertical-align: top; padding: 0.375rem 0.75rem 0.375rem 0; border-top: 1px solid var(--line); }
th[scope="row"] { width: 30%; overflow-wrap: anywhere; }
tbody td.mono, tbody td:nth-child(2):not(:last-child) { width: 15%; }
thead th { border-top: 0; color: var(--soft); font-weight: 500; font-size: 0.8125rem; }
details { border-top: 1px solid var(--line); }
summary { padding: 0.5rem 0.25rem; cursor: pointer; overflow-wrap: anywhere; }
details > div { padding: 0.25rem 0.25rem 1rem; }
.method { display: inline-block; min-width: 4.75rem; font-weight: 600; color: var(--accent); }
@media (max-width: 48rem) {
  .layout { grid-template-columns: minmax(0, 1fr); gap: 0.5rem; padding: 0.75rem; }
  nav ul { display: flex; flex-wrap: wrap; gap: 0.25rem; margin-bottom: 0.75rem; }
  nav a { background: var(--chip); }
  .card { padding: 0.875rem; }
  .fields { max-height: none; }
}
`;
