import type { Gate, GateName } from '@tidemark/contracts'

export type WaiverDecision =
  | { readonly kind: 'admitted' }
  /** A gate that is asked to be waived did not fail. */
  | { readonly kind: 'not_needed'; readonly gate: GateName }
  /** Gates that stand in the way and are not named. */
  | { readonly kind: 'incomplete'; readonly gates: readonly GateName[] }

/** The gates that keep a version out: those that failed, and those without whose judgement nothing rests on anything. */
export function gatesInTheWay(gates: readonly Gate[]): GateName[] {
  const needed: ReadonlySet<GateName> = new Set(['beats_champion', 'integrity'])
  return gates
    .filter(({ name, verdict }) => verdict === 'failed' || (verdict === 'not_judged' && needed.has(name)))
    .map(({ name }) => name)
}

/** A waiver covers exactly what stands in the way: nothing that passed, and nothing left out. */
export function decideWaiver(gates: readonly Gate[], asked: readonly GateName[]): WaiverDecision {
  const inTheWay = gatesInTheWay(gates)
  const surplus = asked.find((gate) => !inTheWay.includes(gate))
  if (surplus) return { kind: 'not_needed', gate: surplus }
  const left = inTheWay.filter((gate) => !asked.includes(gate))
  return left.length > 0 ? { kind: 'incomplete', gates: left } : { kind: 'admitted' }
}
