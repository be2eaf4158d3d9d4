import { Html } from './html.ts'

/** The look of the pages: light and dark; on narrow screens blocks are cards. */
export const pageStyle = new Html(`
:root { color-scheme: light dark; --back: #f3f5f8; --card: #fff; --text: #17202b; --quiet: #566170; --line: #e1e6ec; --link: #0b57c2; --hover: #f5f8fc;
  --good: #0a6b3c; --good-back: #e0f5e9; --fair: #7a4d00; --fair-back: #fdf2d8; --bad: #a8200d; --bad-back: #fde9e5;
  --fibre: #1f6feb; --compact: #d9822b; --other: #8b5cd6; --plain: #8794a5; --unknown: #c3ccd8; --slow: #d29a00; --very-slow: #d1432b }
@media (prefers-color-scheme: dark) { :root { --back: #0f1419; --card: #181e26; --text: #e4e9ef; --quiet: #97a4b3; --line: #2a323d; --link: #79b0ff; --hover: #1e2631;
  --good: #74dba1; --good-back: #12301f; --fair: #f0c674; --fair-back: #33280f; --bad: #ff9e8a; --bad-back: #3c1b15;
  --fibre: #5b9dff; --compact: #e8a15c; --other: #b394ec; --plain: #7d8b9c; --unknown: #4a5665; --slow: #e6b84a; --very-slow: #ff7d66 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.25rem 1.25rem 2rem; max-width: 84rem; background: var(--back); color: var(--text); font: .9375rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; margin-bottom: .9rem }
h1, h2, p, dl, dd, ul, figure { margin: 0 }
h1 { font-size: 1.45rem; letter-spacing: -.01em }
h1::before { content: ""; display: inline-block; width: .62em; height: .62em; margin-right: .45em; border-radius: .18em; background: linear-gradient(135deg, var(--fibre) 50%, var(--compact) 50%) }
h2 { display: flex; flex-wrap: wrap; align-items: center; gap: .2rem .6rem; font-size: 1.12rem; overflow-wrap: anywhere }
a { color: var(--link); text-underline-offset: .15em }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; border-radius: .2rem }
code { font: .92em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.quiet, dt, small, figcaption, thead th, #connection { color: var(--quiet) }
.quiet, small, figcaption, .legend, .shares, .probes, #blocks, #connection, .detail dl { font-size: .8125rem }
.wraps, .probes, dd, td, th { overflow-wrap: anywhere }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap }
.good { color: var(--good) } .bad { color: var(--bad) }
#connection { margin-left: auto }
#connection:not(:empty)::before { content: ""; display: inline-block; width: .55em; height: .55em; margin-right: .45em; border-radius: 50%; background: var(--good) }
.lost #connection { color: var(--bad); font-weight: 600 }
.lost #connection::before { background: var(--bad) }
.lost #banner { display: none }
.lost :is(.good, .pill.good) { background: var(--hover); color: var(--quiet) }
.banner { margin-bottom: 1rem; padding: .6rem 1rem; border-radius: .6rem; color: var(--text) }
.banner.good { background: var(--good-back) } .banner.good strong { color: var(--good) }
.banner.fair { background: var(--fair-back) } .banner.fair strong { color: var(--fair) }
.banner.bad { background: var(--bad-back) } .banner.bad strong { color: var(--bad) }
.banner ul { padding-left: 1.1rem; overflow-wrap: anywhere }
.card { margin-bottom: 1rem; padding: 1rem 1.15rem; background: var(--card); border: 1px solid var(--line); border-radius: .7rem }
.pill { padding: 0 .6rem; border-radius: 1rem; font-size: .8rem; font-weight: 600 }
.pill.good { background: var(--good-back) } .pill.fair { background: var(--fair-back) } .pill.bad { background: var(--bad-back) }
.card > dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .8rem 1.4rem; margin: .9rem 0 }
dt { font-size: .8125rem }
.card > dl dd { font-size: 1.4rem; font-weight: 650; line-height: 1.25; letter-spacing: -.01em; font-variant-numeric: tabular-nums }
small { display: block; font-weight: 400; letter-spacing: 0 }
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(20rem, 100%), 1fr)); gap: 1rem 2rem; margin: 1rem 0 .8rem }
figcaption { padding-bottom: .2rem; font-weight: 600 }
figure { position: relative; min-width: 0 }
.legend { display: flex; flex-wrap: wrap; gap: 0 1rem; padding: 0; list-style: none }
.legend i { display: inline-block; width: .7em; height: .7em; margin-right: .4em; border-radius: .15em }
.legend .fibre { background: var(--fibre) } .legend .compact { background: var(--compact) } .legend .slow { background: var(--slow) } .legend .very-slow { background: var(--very-slow) }
.legend .bound { opacity: .45 }
.chart { display: block; width: 100%; max-width: 34rem; margin: .4rem 0 .3rem }
.chart text { fill: var(--quiet); font-size: 10px; text-anchor: middle; font-variant-numeric: tabular-nums }
.chart path { stroke: var(--plain); fill: none }
rect.fibre { fill: var(--fibre) } rect.compact { fill: var(--compact) } rect.other { fill: var(--other) } rect.plain { fill: var(--plain) }
rect.unknown { fill: var(--unknown) } rect.slow { fill: var(--slow) } rect.very-slow { fill: var(--very-slow) } rect.bound { fill-opacity: .45 }
.shares { width: 100%; max-width: 34rem; margin-top: .5rem; border-collapse: collapse; font-variant-numeric: tabular-nums }
.shares th { width: 7.5rem; font-weight: 400; text-align: left }
.shares td { text-align: right; padding: .22rem 0 .22rem .6rem; width: 3.5rem }
.shares td:nth-child(2) { width: auto; padding-left: 0 }
.shares svg { display: block; width: 100%; height: .85rem; border-radius: .15rem; background: var(--hover) }
summary { cursor: pointer; width: fit-content; margin-top: .5rem; font-size: .8125rem }
.probes { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(24rem, 100%), 1fr)); gap: .1rem 2rem; padding: .3rem 0 0; list-style: none }
#blocks { width: 100%; margin-top: .6rem; border-collapse: collapse; font-variant-numeric: tabular-nums }
#blocks th, #blocks td { padding: .34rem .5rem; border-top: 1px solid var(--line); text-align: left; font-weight: 400 }
#blocks code, #blocks time { white-space: nowrap }
#blocks thead th { border: 0; font-weight: 600; white-space: nowrap }
#blocks :is(th, td):first-child { padding-left: 0 }
#blocks :is(td, thead th):nth-child(n+6):nth-child(-n+10) { text-align: right }
#blocks tbody a { font-weight: 600; text-decoration: none }
#blocks tbody a:hover { text-decoration: underline }
#blocks a[aria-expanded]::before { content: "▸"; display: inline-block; width: 1.1em; color: var(--quiet) }
#blocks a[aria-expanded=true]::before { transform: rotate(90deg) translateX(-.1em) }
#blocks tbody tr:hover > :is(th, td) { background: var(--hover) }
.path { white-space: nowrap }
.path::before { content: ""; display: inline-block; width: .65em; height: .65em; margin-right: .45em; border-radius: .15em }
.path.fibre::before { background: var(--fibre) } .path.compact::before { background: var(--compact) } .path.other::before { background: var(--other) }
.path.plain::before { background: var(--plain) } .path.unknown::before { background: var(--unknown) }
#blocks b { padding: 0 .4em; border-radius: .6em; font-weight: 600; white-space: nowrap }
b.slow { background: var(--fair-back); color: var(--fair) } b.very-slow { background: var(--bad-back); color: var(--bad) }
#blocks .below td { padding: .8rem 0 1rem 1.1em; text-align: left }
.detail dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(17rem, 100%), 1fr)); gap: .6rem 1.6rem; margin-bottom: .6rem }
.detail dt { font: .75rem ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
.detail dd { font-weight: 600; line-height: 1.35 }
.detail small { font-size: .75rem; line-height: 1.35 }
.empty { color: var(--quiet); margin-top: .6rem }
#nodes:not(:empty) + .empty, #blocks:has(tbody tr) ~ .empty { display: none }
#blocks:not(:has(tbody tr)) { display: none }
footer p + p { margin-top: .2rem }
@media (max-width: 62rem) {
  #blocks thead { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%) }
  #blocks, #blocks tbody { display: block }
  #blocks tbody tr { display: grid; grid-template-columns: repeat(auto-fill, minmax(6.4rem, 1fr)); gap: .2rem .8rem; padding: .6rem 0; border-top: 1px solid var(--line) }
  #blocks tbody :is(th, td) { display: block; padding: 0; border: 0; text-align: left !important }
  #blocks tbody td::before { color: var(--quiet); font-size: .75rem; display: block }
  #blocks td:nth-child(2)::before { content: "Time" } #blocks td:nth-child(3)::before { content: "Node" } #blocks td:nth-child(4)::before { content: "Hash" }
  #blocks td:nth-child(5)::before { content: "Path" } #blocks td:nth-child(6)::before { content: "Head start" } #blocks td:nth-child(7)::before { content: "Reconstruction" }
  #blocks td:nth-child(8)::before { content: "Chunks" } #blocks td:nth-child(9)::before { content: "Missing tx" } #blocks td:nth-child(10)::before { content: "Connect" }
  #blocks td:nth-child(11)::before { content: "Pool" }
  #blocks tbody th { align-self: center; font-size: 1rem }
  #blocks tbody td { line-height: 1.35 }
  #blocks tbody tr.below { display: block }
  #blocks .below td::before { content: none }
}
@media (max-width: 40rem) { body { padding: .9rem .7rem } .card { padding: .8rem .85rem } .card > dl { grid-template-columns: 1fr 1fr; gap: .7rem 1rem } }
@media (prefers-reduced-motion: no-preference) {
  tr.new > * { animation: arrive 2.5s ease-out }
  @keyframes arrive { from { background: var(--good-back) } }
}
`)
