'use strict'
const diagnostics = require('node:diagnostics_channel')
const undici = require('undici')
const { carryOut, digest, events, lookup, slices } = require('./exchange')

function dispatcher (job) {
  const connect = { lookup }
  if (job.secure) connect.ca = job.ca()
  return new undici.Agent({ allowH2: job.http2, connect })
}

async function exchange (job, report) {
  const agent = dispatcher(job)
  try {
    if (job.exchange === 'socket') return await socket(agent, job, report)
    let body = job.method === 'POST' ? job.content() : undefined
    if (['chunked', 'trailers'].includes(job.exchange)) body = slices(body)
    if (job.exchange === 'upload') body = pieces(agent, job, report)
    const answer = await undici.fetch(job.url, { method: job.method, body, duplex: 'half', dispatcher: agent })
    report.status = answer.status
    report.seen = answer.headers.get('x-seen') || ''
    report.seenTrailer = answer.headers.get('x-seen-trailer') || ''
    if (job.exchange !== 'events') {
      report.received = digest(Buffer.from(await answer.arrayBuffer()))
      return
    }
    let got = ''
    for await (const piece of events(answer.body)) {
      got += piece
      await ask(agent, job, 'acknowledge', ++report.pieces)
    }
    report.received = digest(got)
  } finally {
    agent.destroy()
  }
}

async function ask (agent, job, question, piece) {
  const answer = await undici.fetch(job.ask(question, piece), { dispatcher: agent })
  await answer.arrayBuffer()
  if (answer.status !== 200) throw new Error(`${question} of piece ${piece}: ${answer.status}`)
}

async function * pieces (agent, job, report) {
  for (const [i, piece] of job.pieces.entries()) {
    yield Buffer.from(piece)
    await ask(agent, job, 'arrived', i + 1)
    report.pieces++
  }
}

async function socket (agent, job, report) {
  // The API of browsers tells no status of a refused WebSocket; the library's own signals do.
  const refused = ({ response }) => { report.status = response.statusCode }
  const headers = diagnostics.channel('undici:request:headers')
  headers.subscribe(refused)
  const connection = new undici.WebSocket(job.url.replace('http', 'ws'), { dispatcher: agent })
  connection.binaryType = 'arraybuffer'
  const messages = []
  await new Promise((resolve, reject) => {
    connection.onopen = () => { report.status = 101; report.version = '1' }
    connection.onerror = ({ error }) => report.status === 403 ? resolve() : reject(error)
    connection.onmessage = ({ data }) => {
      messages.push(data)
      if (messages.length === 1) connection.send('hello')
      if (messages.length === 2) connection.send(job.content())
      if (messages.length === 4) connection.close()
    }
    connection.onclose = resolve
  })
  headers.unsubscribe(refused)
  if (report.status !== 101) return
  if (messages[0] !== 'welcome' || messages[1] !== 'hello') throw new Error(`got ${messages.slice(0, 2)}`)
  report.received = digest(Buffer.from(messages[2]))
  report.seen = messages[3]
}

carryOut(exchange)
