import { Html } from './html.ts'

/** How many blocks the page shows. */
export const SHOWN = 100

/**
 * Keeps the page up to date. `/live` sends elements of the page that changed, `part` and `row`, or the whole `content`, and after each of these,
 * and every 15 s, `now`. Written for browsers, so it is text here; test/browser runs it.
 */
export const pageScript = new Html(`
'use strict'
const SHOWN = ${SHOWN}, SILENCE_MS = 40000, LONGEST_WAIT_MS = 8000
const byId = (id) => document.getElementById(id)
let version = document.currentScript.dataset.version
let aheadMs = 0 // of the agent's clock
let source, heardAt, waitMs = 500
byId('told').dateTime = new Date().toISOString()

function connect() {
  source = new EventSource('live?version=' + version)
  heardAt = Date.now()
  source.onerror = reconnect // it would give up by itself on some errors
  source.addEventListener('content', ({ data }) => keeping(() => { byId('content').innerHTML = data }))
  source.addEventListener('part', ({ data }) => keeping(() => putPart(elementOf(data))))
  source.addEventListener('row', ({ data }) => keeping(() => putRow(elementOf(data))))
  source.addEventListener('now', ({ data }) => {
    const now = JSON.parse(data)
    version = now.version
    aheadMs = now.time - Date.now()
    byId('told').dateTime = new Date(now.time).toISOString()
    heardAt = Date.now()
    waitMs = 500
    say('Live', false)
    tellAges()
  })
}

function reconnect() {
  source.close()
  say('Connection lost, trying again', true)
  setTimeout(connect, waitMs)
  waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
}

function say(words, isLost) {
  document.body.classList.toggle('lost', isLost)
  byId('lost').hidden = !isLost
  document.title = (isLost ? 'Connection lost: ' : '') + byId('banner').dataset.title
  const place = byId('connection')
  if (place.textContent !== words) place.textContent = words
}

function elementOf(markup) {
  const template = document.createElement('template')
  template.innerHTML = markup
  return template.content.firstElementChild
}

function putPart(part) {
  const old = byId(part.id)
  if (old) old.replaceWith(part)
  else byId('nodes').append(part)
  document.title = byId('banner').dataset.title
}

function putRow(row) {
  const body = byId('blocks').tBodies[0]
  const timeOf = (row) => row.querySelector('time').dateTime
  const old = byId(row.id)
  if (old) old.remove()
  else row.className = 'new'
  body.insertBefore(row, [...body.rows].find((other) => !isDetail(other) && timeOf(other) <= timeOf(row)) ?? null)
  const blocks = [...body.rows].filter((row) => !isDetail(row))
  for (const old of blocks.slice(SHOWN)) {
    detailOf(old)?.remove()
    old.remove()
  }
}

// A block's detail is a row below the block's own.
const isDetail = (row) => row.classList.contains('below')
const detailOf = (row) => byId(row.id + '-below')
const linkOf = (row) => row.querySelector('th a')

/** Changes the page and leaves open what was open, closed what was closed, the focus where it was, and the page where it was scrolled to. */
function keeping(change) {
  const folds = [...document.querySelectorAll('details')].map(({ id, open }) => [id, open])
  const details = [...document.querySelectorAll('tr.below')]
  const focused = document.activeElement
  const focusedIn = focused?.closest('[id]')?.id
  const { scrollX, scrollY } = window
  change()
  for (const [id, open] of folds) if (byId(id)) byId(id).open = open
  for (const detail of details) {
    const row = byId(detail.id.replace('-below', ''))
    if (row) row.after(detail)
    else detail.remove()
  }
  prepare()
  if (focused && !focused.isConnected && focusedIn) byId(focusedIn)?.querySelector('a, summary')?.focus({ preventScroll: true })
  scrollTo(scrollX, scrollY)
}

/** Makes links to blocks open and close their detail, and brings open ones up to date. */
function prepare() {
  for (const row of byId('blocks').tBodies[0].rows) {
    if (isDetail(row)) continue
    const link = linkOf(row)
    if (link.ariaExpanded !== null) continue
    link.ariaExpanded = String(detailOf(row) !== null)
    if (detailOf(row)) fill(row)
  }
  tellAges()
}

document.addEventListener('click', (event) => {
  const link = event.target.closest('#blocks tbody th a')
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  const row = link.closest('tr')
  const isOpen = detailOf(row) !== null
  link.ariaExpanded = String(!isOpen)
  if (isOpen) return detailOf(row).remove()
  const detail = document.createElement('tr')
  detail.id = row.id + '-below'
  detail.className = 'below'
  detail.insertCell().colSpan = row.cells.length
  detail.cells[0].textContent = 'Loading …'
  link.setAttribute('aria-controls', detail.id)
  row.after(detail)
  fill(row)
})

async function fill(row) {
  const cell = detailOf(row).cells[0]
  try {
    const answer = await fetch(linkOf(row).href)
    const text = await answer.text()
    const found = new DOMParser().parseFromString(text, 'text/html').getElementById(row.id + '-detail')
    if (found) cell.replaceChildren(found)
    else cell.textContent = answer.ok ? 'Not held any more' : text
  } catch {
    if (!cell.querySelector('section')) cell.textContent = 'Cannot be loaded: connection lost'
  }
}

function tellAges() {
  const now = Date.now() + aheadMs
  for (const time of document.querySelectorAll('time')) {
    const words = age(now - Date.parse(time.dateTime))
    if (time.textContent !== words) {
      time.title ||= time.textContent
      time.textContent = words
    }
  }
}

/** A duration in its two largest units. */
function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (days > 0) return days + ' d ' + hours % 24 + ' h ago'
  if (hours > 0) return hours + ' h ' + minutes % 60 + ' min ago'
  return minutes > 0 ? minutes + ' min ago' : seconds + ' s ago'
}

setInterval(() => {
  tellAges()
  if (Date.now() - heardAt > SILENCE_MS) reconnect() // the other end is gone without a word, or this machine slept
}, 1000)
connect()
prepare()
`)
