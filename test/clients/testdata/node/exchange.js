// What all clients have in common: jobs in, reports out, one line of JSON each (job.go and report.go).
'use strict'
const crypto = require('node:crypto')
const fs = require('node:fs')
const readline = require('node:readline')

const patience = 10_000

function digest (data) { return crypto.createHash('sha256').update(data).digest('hex') }

// No resolver knows the hosts of the matrix.
function lookup (_host, options, done) {
  if (options.all) done(null, [{ address: '127.0.0.1', family: 4 }])
  else done(null, '127.0.0.1', 4)
}

class Job {
  constructor (fields) {
    Object.assign(this, fields)
    this.url = `${this.base}/${this.exchange}?id=${this.id}`
    this.method = ['empty', 'events'].includes(this.exchange) ? 'GET' : 'POST'
    this.http2 = ['http/2', 'https/2'].includes(this.protocol)
    this.secure = this.base.startsWith('https:')
  }

  content () { return fs.readFileSync(this.body) }
  ca () { return fs.readFileSync(this.authority) }
  // The URL of a question about a piece.
  ask (question, piece) { return `${this.base}/${question}?id=${this.id}&piece=${piece}` }
}

// A body of a length that the library does not know.
async function * slices (data) {
  for (let start = 0; start < data.length; start += 65536) yield data.subarray(start, start + 65536)
}

// The pieces of a stream of server-sent events, as they come.
async function * events (stream) {
  let text = ''
  for await (const chunk of stream) {
    text += Buffer.from(chunk).toString()
    for (let end; (end = text.indexOf('\n')) >= 0; text = text.slice(end + 1)) {
      const line = text.slice(0, end)
      if (line.startsWith('data: ') && line !== 'data: [DONE]') yield JSON.parse(line.slice(6))
    }
  }
}

// Carries out all jobs with a function that fills in a report.
async function carryOut (exchange) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const job = new Job(JSON.parse(line))
    const report = {
      id: job.id, status: 0, version: '', seen: '', received: '', trailer: '', seenTrailer: '', pieces: 0, error: ''
    }
    let timer
    const late = new Promise((resolve, reject) => { timer = setTimeout(() => reject(new Error('no end')), patience) })
    try {
      await Promise.race([exchange(job, report), late])
    } catch (error) {
      report.error = `${error} ${error.cause || ''}`
    }
    clearTimeout(timer)
    console.log(JSON.stringify(report))
  }
  process.exit(0)
}

module.exports = { carryOut, digest, events, lookup, slices }
