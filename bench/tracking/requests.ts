import type { Row } from '../report.ts'
import { createClient } from './client.ts'
import type { Contestant } from './contestants.ts'
import { load, type Measured } from './load.ts'
import { EIGHT_WRITERS, OPERATIONS, type Operation } from './operations.ts'

const ROUNDS = 3

/** Each operation on both servers in turn, three rounds; medians of the rounds. */
export async function requests(ours: Contestant, stock: Contestant, quick: boolean): Promise<Row[]> {
  const rows: Row[] = []
  for (const operation of OPERATIONS) {
    const { us, peer } = await both(operation, ours, stock, quick)
    rows.push(...timed(operation.name, us, peer, operation.goal))
  }
  const { us, peer } = await both(EIGHT_WRITERS, ours, stock, quick)
  rows.push({
    claim: `${EIGHT_WRITERS.name}, each durable when acknowledged`,
    peer: peer.perSecond,
    ours: us.perSecond,
    unit: '/s',
    ratio: us.perSecond / peer.perSecond,
    goal: '≥ 15×',
    met: us.perSecond >= 15 * peer.perSecond,
  })
  return rows
}

async function both(
  operation: Operation,
  ours: Contestant,
  stock: Contestant,
  quick: boolean,
): Promise<{ us: Measured; peer: Measured }> {
  const measured = { us: [] as Measured[], peer: [] as Measured[] }
  for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
    measured.us.push(await once(operation, ours, quick ? 1 : 3))
    measured.peer.push(await once(operation, stock, quick ? 1 : 3))
  }
  return { us: medians(measured.us), peer: medians(measured.peer) }
}

async function once(operation: Operation, contestant: Contestant, seconds: number): Promise<Measured> {
  const client = createClient(contestant.url)
  try {
    const make = await operation.prepare(client)
    const { concurrency } = operation
    await load(client, contestant.roots(), { concurrency, seconds: 0.3 }, make)
    // Other requests than those of the warm-up: a value that is there already is cheaper.
    return await load(client, contestant.roots(), { concurrency, seconds }, (writer, index) =>
      make(writer, index + 100_000),
    )
  } finally {
    client.close()
  }
}

/** The medians of rounds, field by field. */
export function medians(rounds: readonly Measured[]): Measured {
  const of = (field: keyof Measured) => {
    const sorted = rounds.map((round) => round[field]).sort((a, b) => a - b)
    return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
  }
  return {
    operations: of('operations'),
    perSecond: of('perSecond'),
    p50Ms: of('p50Ms'),
    p99Ms: of('p99Ms'),
    cpuMs: of('cpuMs'),
  }
}

/** The rows of one kind of request: its CPU, and its median time. The slowest in a hundred stands in the claim. */
export function timed(
  name: string,
  us: Measured,
  peer: Measured | null,
  goal: { readonly cpuMs?: number; readonly p50Ms?: number },
): Row[] {
  const row = (claim: string, theirs: number | null, own: number, most: number | undefined): Row => ({
    claim,
    peer: theirs,
    ours: own,
    unit: 'ms',
    ratio: theirs === null ? null : theirs / own,
    goal: most === undefined ? '–' : `≤ ${most}`,
    met: most === undefined || own <= most,
  })
  const p99 = `p99 ${us.p99Ms.toFixed(1)}${peer ? ` / ${peer.p99Ms.toFixed(0)}` : ''} ms`
  return [
    row(`${name}: CPU`, peer?.cpuMs ?? null, us.cpuMs, goal.cpuMs),
    row(`${name}: p50 (${p99})`, peer?.p50Ms ?? null, us.p50Ms, goal.p50Ms),
  ]
}
