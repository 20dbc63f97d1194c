/**
 * The style of a report: one column of calm text, figures as cards, tables with few lines. Every colour is a variable
 * that has a value for light and one for dark; the reader's system chooses, three buttons overrule it without a script,
 * and paper is always light.
 */
import { seriesColours } from './series.ts';

type Colours = Readonly<Record<string, readonly [light: string, dark: string]>>;

/** Text on its ground has a contrast of 4.5 or more, lines of charts 3 or more, in light and in dark. */
export const pageColours: Colours = {
  page: ['#f6f7f9', '#14171c'],
  card: ['#ffffff', '#1c2027'],
  ink: ['#1c2026', '#e7eaee'],
  muted: ['#59606b', '#a3abb7'],
  line: ['#d9dde3', '#353b45'],
  faint: ['#eef0f3', '#252a33'],
  accent: ['#0a5ea8', '#7cc0f8'],
  better: ['#0b6b3f', '#5fd39b'],
  worse: ['#b02a1c', '#ff9a8c'],
  positive: ['#c2391d', '#ff9068'],
  negative: ['#1f66b0', '#78b6f5'],
  ...Object.fromEntries(seriesColours.map((pair, i) => [`series-${i + 1}`, pair] as const)),
};

function variables(value: (pair: readonly [string, string]) => string): string {
  return Object.entries(pageColours)
    .map(([name, pair]) => `--${name}:${value(pair)};`)
    .join('');
}

export const reportStyle = `
:root{color-scheme:light dark;${variables(([light]) => light)}}
@supports (color:light-dark(#000,#fff)){:root{${variables(([light, dark]) => `light-dark(${light},${dark})`)}}}
:root:has(#theme-light:checked){color-scheme:light}
:root:has(#theme-dark:checked){color-scheme:dark}
*{box-sizing:border-box}
html{scroll-behavior:smooth;-webkit-text-size-adjust:100%;text-size-adjust:100%}
body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
main,header,footer{max-width:66rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.75rem}
header .top{display:flex;flex-wrap:wrap;align-items:baseline;justify-content:space-between;gap:.5rem 2rem}
h1{flex:1 1 16rem;font-size:2.1rem;line-height:1.2;font-weight:680;letter-spacing:-.015em;margin:0;text-wrap:balance;overflow-wrap:anywhere}
h2{font-size:1.4rem;line-height:1.3;font-weight:650;letter-spacing:-.01em;margin:3.25rem 0 .9rem;padding-top:.2rem}
h3{font-size:1.05rem;line-height:1.4;font-weight:650;margin:1.75rem 0 .5rem;overflow-wrap:anywhere}
p{margin:.6rem 0;max-width:46rem}
.lead{color:var(--muted);margin-top:.55rem}
a{color:var(--accent);text-underline-offset:.15em}
nav{margin-top:1.4rem;padding:.65rem 0;border-block:1px solid var(--line)}
nav ul{display:flex;flex-wrap:wrap;gap:.25rem 1.4rem;list-style:none;margin:0;padding:0;font-size:.92rem}
nav a{text-decoration:none}
nav a:hover{text-decoration:underline}
.theme{display:flex;border:0;margin:0;padding:0;font-size:.82rem;color:var(--muted)}
.theme label{padding:.15rem .6rem;border:1px solid var(--line);margin-left:-1px;cursor:pointer;background:var(--card)}
.theme label:first-of-type{border-radius:.4rem 0 0 .4rem}
.theme label:last-of-type{border-radius:0 .4rem .4rem 0}
.theme input,.hidden{position:absolute;opacity:0;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.theme label:has(:checked){background:var(--faint);color:var(--ink);font-weight:600}
.theme label:has(:focus-visible),a:focus-visible,summary:focus-visible,.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
figure{margin:1.25rem 0;min-width:0}
.card{background:var(--card);border:1px solid var(--line);border-radius:.6rem;padding:1.1rem 1.25rem}
figcaption{color:var(--muted);font-size:.88rem;line-height:1.5;margin-top:.65rem;max-width:52rem;overflow-wrap:anywhere}
figcaption b,caption b{color:var(--ink);font-weight:650}
.pair{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,25rem),1fr));gap:1.25rem;margin:1.25rem 0}
.pair>figure{margin:0}
.chart-title{font-weight:620;font-size:.98rem;margin:0 0 .4rem}
svg.plot{display:block;max-width:100%;height:auto;font-family:inherit;font-size:12.5px;overflow:visible}
.chart svg.plot{width:100%;--plot-background:var(--card)}
svg.plot text{white-space:pre}
.legend{display:flex;flex-wrap:wrap;gap:.15rem 1.1rem;list-style:none;margin:.35rem 0 0;padding:0;font-size:.86rem}
.legend li{display:flex;align-items:center;gap:.45rem;min-width:0}
.legend svg.plot{flex:none;width:30px;height:14px}
.picture{background:#fff;border:1px solid var(--line);border-radius:.6rem;padding:.4rem;overflow-x:auto;width:fit-content;max-width:100%}
.picture img{display:block;max-width:100%;height:auto}
.scroll{overflow-x:auto;border-radius:.2rem}
table{border-collapse:collapse;width:100%;font-size:.94rem;font-variant-numeric:tabular-nums lining-nums}
caption{text-align:left;font-weight:600;padding:0 0 .6rem;position:sticky;left:0}
th,td{padding:.42rem .8rem;text-align:left;vertical-align:top;line-height:1.4}
th:first-child,td:first-child{padding-left:.2rem}
thead th{font-weight:600;font-size:.86rem;color:var(--muted);border-bottom:1.5px solid var(--muted);vertical-align:bottom}
tbody th{font-weight:400}
tbody tr{border-bottom:1px solid var(--faint)}
tbody:last-child tr:last-child{border-bottom:1.5px solid var(--muted)}
tbody tr:hover{background:var(--faint)}
.number{text-align:right;white-space:nowrap}
.group{font-weight:650;padding-top:1rem;border-bottom:1px solid var(--line)}
td small{display:block;font-size:.78rem;color:var(--muted)}
td strong{font-weight:700}
.aside{color:var(--muted);white-space:nowrap}
.better{color:var(--better)}.worse{color:var(--worse)}.same{color:var(--muted)}
.files{font-size:.82rem;margin:.5rem 0 0}
details{margin:.9rem 0}
summary{cursor:pointer;font-weight:600;padding:.2rem 0}
dl{margin:.75rem 0;display:grid;grid-template-columns:minmax(9rem,max-content) minmax(0,1fr);gap:.3rem 1.5rem;font-size:.93rem}
dt{font-weight:600;overflow-wrap:anywhere}
dd{margin:0;color:var(--muted);overflow-wrap:anywhere}
ul.notes{margin:.6rem 0;padding-left:1.2rem;max-width:46rem;font-size:.93rem}
footer{margin-top:3.5rem;padding-top:1rem;padding-bottom:2.5rem;color:var(--muted);font-size:.85rem}
@media (max-width:40rem){
main,header,footer{padding-left:1rem;padding-right:1rem}
header{padding-top:1.5rem}
h1{font-size:1.55rem}
h2{font-size:1.22rem;margin-top:2.4rem}
.card{padding:.85rem .8rem}
th,td{padding:.4rem .55rem}
dl{grid-template-columns:1fr;gap:0}
dd{margin-bottom:.45rem}
.picture img{max-width:none;width:34rem}
.chart>svg.plot{font-size:15px}
tbody th[scope=row],thead th:first-child{position:sticky;left:0;background:var(--card)}
}
@media print{
@page{margin:14mm}
:root:root:root{color-scheme:light}
body{background:#fff;font-size:10pt}
main,header,footer{max-width:none;padding:0}
nav,.theme,.files{display:none}
h1,h2,h3{break-after:avoid}
h2{margin-top:1.6rem}
figure,tbody,tr,dl>*{break-inside:avoid}
figcaption{break-before:avoid}
details::details-content{content-visibility:visible;block-size:auto}
summary{list-style:none}
.card,.picture{border-color:#ccc}
.picture img{max-height:165mm;width:auto}
.pair{grid-template-columns:1fr 1fr;gap:.7rem}
.scroll,.picture{overflow:visible}
table{font-size:8pt}
th,td{padding:.22rem .4rem}
thead{display:table-header-group}
}
`.trim();
