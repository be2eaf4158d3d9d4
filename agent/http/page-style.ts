import { Html } from './html.ts'

/** The page's look: light and dark, and one column where the screen is narrow. */
export const pageStyle = new Html(`<style>
:root { color-scheme: light dark; --back: #f4f5f7; --card: #fff; --text: #1c2128; --quiet: #5b6470; --line: #dfe3e8; --link: #0a58ca;
  --good: #0b6b3a; --good-back: #e2f4ea; --bad: #a3210f; --bad-back: #fdeae6 }
@media (prefers-color-scheme: dark) { :root { --back: #14171b; --card: #1d2126; --text: #e6e9ed; --quiet: #9aa4b0; --line: #333a42; --link: #7db4ff;
  --good: #7edba5; --good-back: #16301f; --bad: #ff9d8a; --bad-back: #3d1c16 } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 1.5rem 1rem; max-width: 70rem; background: var(--back); color: var(--text); font: 1rem/1.5 system-ui, sans-serif }
header { display: flex; flex-wrap: wrap; align-items: baseline; justify-content: space-between; gap: 0 1rem; margin-bottom: 1rem }
h1, h2, p, dl, dd, ul { margin: 0 }
h1 { font-size: 1.5rem }
h2 { display: flex; flex-wrap: wrap; align-items: center; gap: .25rem .6rem; font-size: 1.2rem; overflow-wrap: anywhere }
a { color: var(--link) }
.nodes { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(26rem, 100%), 1fr)); gap: 1rem; align-items: start }
.banner { margin-bottom: 1rem; padding: .7rem 1rem; border-radius: .5rem; border-left: .3rem solid }
.banner ul { padding-left: 1.2rem; color: var(--text) }
.good { color: var(--good) }
.bad { color: var(--bad) }
.banner.good, .state.good { background: var(--good-back) }
.banner.bad, .state.bad { background: var(--bad-back) }
.state { padding: .05rem .6rem; border-radius: 1rem; font-size: .85rem; font-weight: 600 }
.quiet, dt, small, caption, thead th { color: var(--quiet) }
.quiet { font-size: .9rem }
.process { overflow-wrap: anywhere }
section { padding: 1rem 1.1rem; background: var(--card); border: 1px solid var(--line); border-radius: .5rem }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(8.5rem, 1fr)); gap: .9rem 1rem; margin: 1rem 0 1.2rem }
dt, small, caption, table { font-size: .85rem }
dd { font-size: 1.4rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums }
small { display: block; font-weight: 400 }
table { width: 100%; border-collapse: collapse }
caption { text-align: left; padding-bottom: .3rem }
th, td { padding: .3rem .6rem .3rem 0; border-top: 1px solid var(--line); text-align: left; vertical-align: top }
td { min-width: 5rem; overflow-wrap: anywhere }
tbody th { font-weight: 500; font-family: ui-monospace, monospace }
footer { margin-top: 1.2rem }
</style>`)
