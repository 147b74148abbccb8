import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Snapshot } from '@tidemark/contracts'
import { endpoint, idleModel as model, snapshot, variant } from '../fixtures.ts'
import { Models } from '../runtimes/models.ts'
import { createLog } from '../telemetry.ts'
import { BlobCache } from './blobs.ts'
import { SnapshotFollower } from './follower.ts'
import { ServerLink } from './server.ts'

const LEASE_SECONDS = 0.5
const canary = (version: number, candidate: string) =>
  snapshot(
    version,
    [
      endpoint('films', {
        kind: 'canary',
        rollout: '00000000-0000-7000-8000-000000000001',
        stage: 1,
        candidate: variant('candidate', candidate),
        weightPercent: 50,
        salt: 's',
      }),
    ],
    LEASE_SECONDS,
  )

/** What stands in the server's place: it says which snapshot is newest, and may be away. */
async function startSayer() {
  let newest: Snapshot | null = null
  const waiting = new Map<ServerResponse, number>()
  const answer = (response: ServerResponse, after: number) => {
    if (newest === null) return void response.writeHead(503).end()
    if (newest.version === after) return void waiting.set(response, after)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(newest))
  }
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname === '/internal/snapshot') answer(response, Number(url.searchParams.get('after')))
    else request.resume().on('end', () => response.writeHead(204).end())
  })
  // As the server does: whoever asks hears within a moment that there is nothing new.
  const beat = setInterval(() => {
    for (const response of waiting.keys()) response.writeHead(204).end()
    waiting.clear()
  }, 50)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    say(next: Snapshot | null) {
      newest = next
      for (const [response, after] of [...waiting]) {
        waiting.delete(response)
        answer(response, after)
      }
    },
    async close() {
      clearInterval(beat)
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function until(what: string, holds: () => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!holds()) {
    assert.ok(Date.now() < deadline, `It did not come to be: ${what}.`)
    await sleep(10)
  }
}

test('a lease that ran out comes back with what the server has by then, never with what was kept', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-follower-'))
  const file = join(folder, 'snapshot.json')
  writeFileSync(file, JSON.stringify(canary(7, 'films/2')))
  const sayer = await startSayer()
  const slow = Promise.withResolvers<void>()
  const log = createLog('fatal')
  const follower = new SnapshotFollower({
    server: new ServerLink({ url: sayer.url, token: 'a-token-of-at-least-thirty-two-characters', gateway: 'g' }),
    models: new Models(async ({ version }) => {
      if (version === 'films/3') await slow.promise
      return model
    }),
    blobs: new BlobCache(folder, async () => null),
    file,
    log,
    onSwitch: () => {},
  })
  try {
    follower.start()
    await until('what was kept is in force', () => follower.serving.version === 7)
    assert.equal(follower.leased, false, 'the server was never heard')

    sayer.say(canary(8, 'films/3'))
    await until('the server was heard', () => follower.silenceSeconds !== null)
    await sleep(200)
    assert.deepEqual([follower.serving.version, follower.leased], [7, false], 'films/2 may have been rolled back')
    slow.resolve()
    await until('the new one is in force', () => follower.serving.version === 8)
    await until('the lease is there', () => follower.leased)

    sayer.say(null)
    await until('the lease ran out', () => !follower.leased)
    sayer.say(canary(8, 'films/3'))
    await until('nothing changed meanwhile: the lease is back', () => follower.leased)
  } finally {
    await follower.stop()
    await sayer.close()
    rmSync(folder, { recursive: true, force: true })
  }
})
