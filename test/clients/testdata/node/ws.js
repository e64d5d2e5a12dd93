'use strict'
const WebSocket = require('ws')
const { carryOut, digest, lookup } = require('./exchange')

async function exchange (job, report) {
  const options = { lookup }
  if (job.secure) options.ca = job.ca()
  const connection = new WebSocket(job.url.replace('http', 'ws'), options)
  const messages = []
  await new Promise((resolve, reject) => {
    connection.on('unexpected-response', (request, answer) => {
      report.status = answer.statusCode
      request.destroy()
      resolve()
    })
    connection.on('upgrade', answer => { report.status = answer.statusCode; report.version = '1' })
    connection.on('error', error => report.status === 403 ? resolve() : reject(error))
    connection.on('message', (data, binary) => {
      messages.push(binary ? data : data.toString())
      if (messages.length === 1) connection.send('hello')
      if (messages.length === 2) connection.ping('still there?')
      if (messages.length === 4) connection.close()
    })
    connection.on('pong', () => connection.send(job.content()))
    connection.on('close', resolve)
  })
  if (report.status !== 101) return
  if (messages[0] !== 'welcome' || messages[1] !== 'hello') throw new Error(`got ${messages.slice(0, 2)}`)
  report.received = digest(messages[2])
  report.seen = messages[3]
}

carryOut(exchange)
