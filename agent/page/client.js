/**
 * Keeps the page up to date. `/live` sends elements of the page that changed, `part` and `row`, or the whole `content`; after each of these,
 * and every 15 s, it sends `now`.
 */
// biome-ignore lint/suspicious/noRedundantUseStrict: a page's script element is no module
'use strict'

const SILENCE_MS = 40_000
const FIRST_WAIT_MS = 500
const LONGEST_WAIT_MS = 8_000

const { dataset } = /** @type {HTMLScriptElement} */ (document.currentScript)
/** Number of blocks that the page shows. */
const shown = Number(dataset.blocks)
/** Names the state of things that the page shows. */
let version = dataset.version
/** Lead of the agent's clock over this one. */
let aheadMs = 0
/** @type {EventSource} */
let source
let heardAt = 0
let waitMs = FIRST_WAIT_MS

/** @param {string} id */
const find = (id) => document.getElementById(id)

/**
 * An element that the page always has.
 * @param {string} id
 */
function byId(id) {
  const element = find(id)
  if (!element) throw new Error(`the page has no element ${id}`)
  return element
}

const toldTime = /** @type {HTMLTimeElement} */ (byId('told'))
/** The table's body is another when the content was replaced. */
const blocksBody = () => /** @type {HTMLTableSectionElement} */ (document.querySelector('#blocks tbody'))

function connect() {
  source = new EventSource(`live?version=${version}`)
  heardAt = Date.now()
  source.onerror = reconnect // it would give up by itself on some errors
  source.addEventListener('content', ({ data }) =>
    update(() => {
      byId('content').innerHTML = data
    }),
  )
  source.addEventListener('part', ({ data }) => update(() => putPart(elementOf(data))))
  source.addEventListener('row', ({ data }) => update(() => putRow(/** @type {HTMLTableRowElement} */ (elementOf(data)))))
  source.addEventListener('now', ({ data }) => {
    const now = JSON.parse(data)
    version = now.version
    aheadMs = now.time - Date.now()
    toldTime.dateTime = new Date(now.time).toISOString()
    heardAt = Date.now()
    waitMs = FIRST_WAIT_MS
    showConnection('Live', false)
    showAges()
  })
}

function reconnect() {
  source.close()
  showConnection('Connection lost, trying again', true)
  setTimeout(connect, waitMs)
  waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS)
}

/**
 * @param {string} text
 * @param {boolean} isLost
 */
function showConnection(text, isLost) {
  document.body.classList.toggle('lost', isLost)
  byId('lost').hidden = !isLost
  document.title = (isLost ? 'Connection lost: ' : '') + byId('banner').dataset.title
  const connection = byId('connection')
  if (connection.textContent !== text) connection.textContent = text
}

/** @param {string} markup */
function elementOf(markup) {
  const template = document.createElement('template')
  template.innerHTML = markup
  return /** @type {Element} */ (template.content.firstElementChild)
}

/** @param {Element} part */
function putPart(part) {
  const old = find(part.id)
  if (old) old.replaceWith(part)
  else byId('nodes').append(part)
  document.title = String(byId('banner').dataset.title)
}

/** @param {HTMLTableRowElement} row */
function putRow(row) {
  const body = blocksBody()
  const old = find(row.id)
  if (old) old.remove()
  else row.className = 'new'
  body.insertBefore(row, [...body.rows].find((other) => !isDetail(other) && timeOf(other) <= timeOf(row)) ?? null)
  const blocks = [...body.rows].filter((row) => !isDetail(row))
  for (const old of blocks.slice(shown)) {
    detailOf(old)?.remove()
    old.remove()
  }
}

/** @param {Element} row */
const timeOf = (row) => row.querySelector('time')?.dateTime ?? ''

/**
 * A block's detail is a row below the block's own.
 * @param {Element} row
 */
const isDetail = (row) => row.classList.contains('below')
/** @param {Element} row */
const detailOf = (row) => /** @type {HTMLTableRowElement | null} */ (find(`${row.id}-below`))
/** @param {Element} row */
const linkOf = (row) => /** @type {HTMLAnchorElement} */ (row.querySelector('th a'))

/**
 * Changes the page and leaves open what was open, closed what was closed, the focus where it was, and the page where it was scrolled to.
 * @param {() => void} change
 */
function update(change) {
  const folds = [...document.querySelectorAll('details')].map(({ id, open }) => ({ id, open }))
  const details = [...document.querySelectorAll('tr.below')]
  const focused = document.activeElement
  const focusedIn = focused?.closest('[id]')?.id
  const { scrollX, scrollY } = window
  change()
  for (const { id, open } of folds) {
    const fold = /** @type {HTMLDetailsElement | null} */ (find(id))
    if (fold) fold.open = open
  }
  for (const detail of details) {
    const row = find(detail.id.replace('-below', ''))
    if (row) row.after(detail)
    else detail.remove()
  }
  prepareRows()
  if (focused && !focused.isConnected && focusedIn) focusableIn(focusedIn)?.focus({ preventScroll: true })
  scrollTo(scrollX, scrollY)
}

/** @param {string} id */
const focusableIn = (id) => /** @type {HTMLElement | null | undefined} */ (find(id)?.querySelector('a, summary'))

/** Makes links to blocks open and close their detail, and brings open ones up to date. */
function prepareRows() {
  for (const row of blocksBody().rows) {
    if (isDetail(row)) continue
    const link = linkOf(row)
    if (link.ariaExpanded !== null) continue
    const detail = detailOf(row)
    link.ariaExpanded = String(detail !== null)
    if (detail) loadDetail(row, detail)
  }
  showAges()
}

document.addEventListener('click', (event) => {
  const link = event.target instanceof Element ? event.target.closest('#blocks tbody th a') : null
  const row = link?.closest('tr')
  if (!link || !row || event.ctrlKey || event.metaKey || event.shiftKey) return
  event.preventDefault()
  const open = detailOf(row)
  link.ariaExpanded = String(!open)
  if (open) return open.remove()
  const detail = document.createElement('tr')
  detail.id = `${row.id}-below`
  detail.className = 'below'
  const cell = detail.insertCell()
  cell.colSpan = row.cells.length
  cell.textContent = 'Loading …'
  link.setAttribute('aria-controls', detail.id)
  row.after(detail)
  loadDetail(row, detail)
})

/**
 * @param {HTMLTableRowElement} row
 * @param {HTMLTableRowElement} detail
 */
async function loadDetail(row, { cells: [cell] }) {
  if (!cell) return
  try {
    const answer = await fetch(linkOf(row).href)
    const text = await answer.text()
    const found = new DOMParser().parseFromString(text, 'text/html').getElementById(`${row.id}-detail`)
    if (found) cell.replaceChildren(found)
    else cell.textContent = answer.ok ? 'Not held any more' : text
  } catch {
    if (!cell.querySelector('section')) cell.textContent = 'Cannot be loaded: connection lost'
  }
}

function showAges() {
  const now = Date.now() + aheadMs
  for (const time of document.querySelectorAll('time')) {
    const text = age(now - Date.parse(time.dateTime))
    if (time.textContent !== text) {
      time.title ||= time.textContent
      time.textContent = text
    }
  }
}

/**
 * A duration in its two largest units.
 * @param {number} ms
 */
function age(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const days = Math.floor(hours / 24)
  if (days > 0) return `${days} d ${hours % 24} h ago`
  if (hours > 0) return `${hours} h ${minutes % 60} min ago`
  return minutes > 0 ? `${minutes} min ago` : `${seconds} s ago`
}

setInterval(() => {
  showAges()
  if (Date.now() - heardAt > SILENCE_MS) reconnect() // the other end is gone without a word, or this machine slept
}, 1000)
toldTime.dateTime = new Date().toISOString()
connect()
prepareRows()
