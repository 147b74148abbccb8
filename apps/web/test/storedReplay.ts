import { uuidv7 } from '@tidemark/contracts'
import { WORKSPACE } from '../../server/src/deployments/testing.ts'
import { localPerson, type Platform } from '../../server/src/platform/index.ts'
import { NOTHING, reportOf } from '../../server/src/replays/decide.ts'
import * as replays from '../../server/src/replays/store.ts'
import type { StoredReplay } from '../../server/src/replays/types.ts'

/** A replay of films/2 as its end leaves it: wrong about one genre. The one decision that is shown of it was made by the gateway. */
export async function storeReplay(platform: Platform, prediction: string): Promise<void> {
  const { db } = platform
  const now = new Date()
  const { kind: actorKind, id: actorId } = localPerson()
  const terms = {
    tolerance: 0.5,
    slices: ['genre'],
    hidden: [],
    alpha: 0.05,
    margin: 0.05,
    lossMargin: 0.1,
    minThings: 30,
    loss: 'absolute_error' as const,
  }
  const slice = (value: string, things: number, flipped: number, increase: number) => ({
    column: 'genre',
    value,
    things,
    flipped,
    labelled: things,
    increase,
    error: 0.05,
  })
  const report = reportOf(
    {
      ...NOTHING,
      requests: 900,
      rows: 1000,
      asked: 1000,
      equal: 880,
      flips: 100,
      things: { all: 1000, flipped: 100 },
      versions: [{ version: 'films/1', n: 1000 }],
      slices: [slice('Drama', 500, 6, 0.01), slice('Horror', 100, 90, 2.1), slice('Comedy', 400, 4, -0.02)],
      lift: { loss: 'absolute_error', things: 1000, logged: 0.8, candidate: 1.01, mean: -0.21, error: 0.02 },
      latency: {
        requests: 100,
        logged: { p50: 0.05, p90: 0.08, p95: 0.1, p99: 0.4 },
        candidate: { p50: 0.04, p90: 0.07, p95: 0.1, p99: 0.3 },
      },
    },
    terms,
  )
  const stored: StoredReplay = {
    workspace: WORKSPACE,
    id: uuidv7(),
    endpoint: 'films',
    model: 'films',
    version: 2,
    from: null,
    to: now,
    terms,
    state: 'waiting',
    problem: null,
    rows: null,
    rowsDone: 0,
    evaluation: null,
    report: null,
    actorKind,
    actorId,
    requestedAt: now,
    startedAt: null,
    finishedAt: null,
  }
  await db.transaction().execute(async (tx) => {
    await replays.insertReplay(tx, stored)
    await replays.saveEnd(tx, stored, { state: 'done', report, finishedAt: now })
    const flip = { prediction, row: 0, eventTime: now, version: 'films/1', logged: 6.1, problem: null, label: 6.5 }
    await replays.saveFlips(tx, stored, [
      { ...flip, rank: 1, candidate: 3.2, difference: -2.9, lossIncrease: 2.9 },
      { ...flip, rank: 2, candidate: null, problem: 'ValueError: no genre', difference: null, lossIncrease: null },
    ])
  })
}
