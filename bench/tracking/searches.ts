import assert from 'node:assert/strict'
import { processTree, pssMegabytes } from '../processes.ts'
import type { Row } from '../report.ts'
import { type Client, createClient } from './client.ts'
import type { Contestant } from './contestants.ts'
import { cpuSeconds, load, type Measured, summary } from './load.ts'
import { FILTERED, makeExperiment, ORDERED, search } from './operations.ts'
import { populateOurs, populateStock } from './populate.ts'
import { medians, timed } from './requests.ts'

interface Page {
  readonly runs?: readonly { readonly info: { readonly run_name: string } }[]
  readonly next_page_token?: string
}

/** Searches of 50,000 runs on both servers, and the walk through 30,000 runs of 300 metrics each on ours. */
export async function searches(ours: Contestant, stock: Contestant, quick: boolean): Promise<Row[]> {
  const size = { runs: quick ? 5_000 : 50_000, metrics: 5, parameters: 5 }
  const [us, peer] = [createClient(ours.url), createClient(stock.url)]
  try {
    const mine = await makeExperiment(us, 'search')
    const theirs = await makeExperiment(peer, 'search')
    await populateOurs(ours.database, mine, size)
    await populateStock(stock.database, theirs, size)
    await assertSame(us, mine, peer, theirs, FILTERED)
    await assertSame(us, mine, peer, theirs, ORDERED)

    const measured = { us: [] as Measured[], peer: [] as Measured[] }
    for (let round = 0; round < (quick ? 1 : 3); round++) {
      measured.us.push(await load(us, ours.roots(), { concurrency: 1, seconds: 3 }, () => search(mine, FILTERED)))
      measured.peer.push(
        await load(peer, stock.roots(), { concurrency: 1, seconds: 3 }, () => search(theirs, FILTERED)),
      )
    }
    const name = `search of ${size.runs.toLocaleString('en')} runs, metric and param filtered, ordered by metric, page of 100`
    const rows = timed(name, medians(measured.us), medians(measured.peer), { cpuMs: 10, p50Ms: 15 })

    const [own, other] = [await walk(us, ours, mine, ORDERED), await walk(peer, stock, theirs, ORDERED, 10)]
    assert.equal(own.runs, size.runs)
    rows.push(
      ...timed(`a page of 1,000, ordered, of ${size.runs.toLocaleString('en')} runs`, own.pages, other.pages, {
        cpuMs: 60,
      }),
    )
    rows.push(...(await wide(ours, us, quick)))
    return rows
  } finally {
    us.close()
    peer.close()
  }
}

/** @throws AssertionError when the two servers do not find the same runs in the same order. */
async function assertSame(us: Client, mine: string, peer: Client, theirs: string, question: object): Promise<void> {
  const names = async (client: Client, experiment: string) => {
    const page = JSON.parse((await client.raw(search(experiment, question))).toString()) as Page
    return (page.runs ?? []).map((run) => run.info.run_name)
  }
  assert.deepEqual(await names(us, mine), await names(peer, theirs))
}

/** Reads the pages of a search to the end, or so many. */
async function walk(
  client: Client,
  contestant: Contestant,
  experiment: string,
  question: object,
  most = Number.POSITIVE_INFINITY,
): Promise<{ pages: Measured; runs: number; seconds: number; cpu: number; bytes: number }> {
  const times: number[] = []
  let token: string | undefined
  let [runs, bytes] = [0, 0]
  const cpu = cpuSeconds(contestant.roots())
  const started = performance.now()
  do {
    const from = performance.now()
    const answer = await client.raw(search(experiment, { ...question, ...(token ? { page_token: token } : {}) }))
    times.push(performance.now() - from)
    bytes += answer.length
    const page = JSON.parse(answer.toString()) as Page
    runs += page.runs?.length ?? 0
    token = page.next_page_token
  } while (token && times.length < most)
  const seconds = (performance.now() - started) / 1000
  const used = cpuSeconds(contestant.roots()) - cpu
  return { pages: summary(times, seconds, used), runs, seconds, cpu: used, bytes }
}

/** 30,000 runs of 300 metrics: the question that MLflow's users could not have answered within 15 minutes (mlflow#2730). */
async function wide(ours: Contestant, client: Client, quick: boolean): Promise<Row[]> {
  const size = { runs: quick ? 2_000 : 30_000, metrics: 300, parameters: 1 }
  const experiment = await makeExperiment(client, 'wide')
  await populateOurs(ours.database, experiment, size)
  let most = 0
  const server = () => processTree(ours.roots()[0] ?? 0)
  const before = pssMegabytes(server())
  const watch = setInterval(() => {
    most = Math.max(most, pssMegabytes(server()))
  }, 500)
  const all = await walk(client, ours, experiment, { max_results: 1000 })
  clearInterval(watch)
  const columns = ['metrics.m1', 'metrics.m2', 'params.p0']
  const three = await walk(client, ours, experiment, { max_results: 1000, columns })
  assert.equal(all.runs, size.runs)
  assert.equal(three.runs, size.runs)
  const name = `${size.runs.toLocaleString('en')} runs × 300 metrics`
  const row = (claim: string, own: number, unit: string, goal: number): Row => ({
    claim,
    peer: null,
    ours: own,
    unit,
    ratio: null,
    goal: `≤ ${goal}`,
    met: own <= goal,
  })
  return [
    row(`${name}, all pages (${(all.bytes / 1e6).toFixed(0)} MB of JSON): CPU in all`, all.cpu, 's', 20),
    row(`${name}, all pages: growth of our processes' memory`, most - before, 'MB', 150),
    row(`${name}, 3 columns, all pages`, three.seconds, 's', 2),
  ]
}
