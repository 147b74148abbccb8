import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { AnswerRecord, Rollout } from '@tidemark/contracts'

/** A version that was champion: since it was decided, and since when no gateway answered by another. Milliseconds since 1970. */
export interface Reign {
  readonly version: string
  readonly decidedAt: number
  readonly everywhereFrom: number
}

/** Where a caller lies on a rollout's circle, percent, computed anew as an auditor would. */
function placeOf(rollout: string, caller: string): number {
  const digest = createHash('sha256').update(`${rollout}\0${caller}`).digest()
  return (Number(digest.readBigUInt64BE() >> 11n) / 2 ** 53) * 100
}

/**
 * What must hold of every answer of an endpoint that was rolled out by weight alone, whatever happened meanwhile: it was given at the weight
 * that was decided for its stage, by the one version that the caller's place on the circle says, and at no stage after every gateway had
 * confirmed the next; or outside of any rollout, by a champion of that time.
 * @returns how many answers there were of each arm, and outside
 */
export function auditAnswers(
  answers: readonly AnswerRecord[],
  rollouts: readonly Rollout[],
  reigns: readonly Reign[],
): { champion: number; candidate: number; outside: number } {
  const known = new Map(rollouts.map((rollout) => [rollout.id, rollout]))
  const counts = { champion: 0, candidate: 0, outside: 0 }
  for (const { id, version, rollout: routed, caller, arrivedAt, milliseconds } of answers) {
    if (routed === null) {
      counts.outside += 1
      const reigning = reigns.some(
        (reign, index) =>
          reign.version === version &&
          reign.decidedAt <= arrivedAt + milliseconds + 1 &&
          arrivedAt <= (reigns[index + 1]?.everywhereFrom ?? Number.POSITIVE_INFINITY),
      )
      assert.ok(reigning, `answer ${id} is by ${version}, no champion at ${new Date(arrivedAt).toISOString()}`)
      continue
    }
    counts[routed.arm] += 1
    const rollout = known.get(routed.id)
    assert.ok(rollout, `answer ${id} is of rollout ${routed.id}, which nobody knows`)
    const place = rollout.timeline.findIndex(({ stage }) => stage === routed.stage)
    const [stage, next] = [rollout.timeline[place], rollout.timeline[place + 1]]
    assert.ok(stage && stage.kind !== 'end', `answer ${id} is of stage ${routed.stage}, which was never decided`)
    const weight = stage.weights[0]?.weightPercent ?? 0
    assert.equal(routed.weightPercent, weight, `answer ${id}: the weight of stage ${routed.stage}`)
    assert.ok(caller, `answer ${id} has no caller`)
    const arm = placeOf(rollout.id, caller) < weight ? 'candidate' : 'champion'
    const said = `answer ${id} of ${caller} at ${weight} %`
    assert.equal(routed.arm, arm, said)
    assert.equal(version, `${rollout.model}/${arm === 'candidate' ? rollout.version : rollout.championVersion}`, said)
    if (next?.confirmedAt) {
      const late = arrivedAt - Date.parse(next.confirmedAt)
      assert.ok(late <= 0, `${said} came ${late} ms after all gateways had confirmed the next stage`)
    }
  }
  return counts
}
