'use strict'
const undici = require('undici')
const { carryOut, digest, events, lookup, slices } = require('./exchange')

function dispatcher (job) {
  const connect = { lookup }
  if (job.secure) connect.ca = job.ca()
  if (job.protocol === 'http/2') return new undici.H2CClient(new URL(job.base).origin, { connect })
  return new undici.Agent({ allowH2: job.http2, connect })
}

async function exchange (job, report) {
  const agent = dispatcher(job)
  try {
    let body = job.method === 'POST' ? job.content() : undefined
    if (['chunked', 'trailers'].includes(job.exchange)) body = slices(body)
    if (job.exchange === 'upload') body = pieces(agent, job, report)
    const answer = await undici.request(job.url, { method: job.method, body, dispatcher: agent })
    report.status = answer.statusCode
    report.seen = answer.headers['x-seen'] || ''
    report.seenTrailer = answer.headers['x-seen-trailer'] || ''
    if (job.exchange !== 'events') {
      report.received = digest(Buffer.from(await answer.body.arrayBuffer()))
      report.trailer = answer.trailers['x-sum'] || ''
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
  const answer = await undici.request(job.ask(question, piece), { dispatcher: agent })
  await answer.body.dump()
  if (answer.statusCode !== 200) throw new Error(`${question} of piece ${piece}: ${answer.statusCode}`)
}

async function * pieces (agent, job, report) {
  for (const [i, piece] of job.pieces.entries()) {
    yield Buffer.from(piece)
    await ask(agent, job, 'arrived', i + 1)
    report.pieces++
  }
}

carryOut(exchange)
