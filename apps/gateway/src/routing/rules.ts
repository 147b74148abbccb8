import type { Match, RoutingRule } from '@tidemark/contracts'

/** What a rule may look at of a request. */
export interface Asked {
  readonly caller: string | null
  /** The value of a header, by its name in small letters. */
  readonly header: (name: string) => string | undefined
  /** The value of an input column in the first row; undefined: there is no such column. */
  readonly cell: (column: string) => unknown
}

/** Whether a value is as a match says: all that it says must hold, and what is missing fits nothing. Pure. */
export function fits(match: Match, value: unknown): boolean {
  if (value === undefined || value === null) return false
  const { equals, in: among, prefix, atLeast, below } = match
  if (equals !== undefined && value !== equals) return false
  if (among && !among.some((one) => one === value)) return false
  if (prefix !== undefined && !(typeof value === 'string' && value.startsWith(prefix))) return false
  if (atLeast !== undefined && !(typeof value === 'number' && value >= atLeast)) return false
  return below === undefined || (typeof value === 'number' && value < below)
}

/** The first rule that is about this request; undefined when none is. Pure. */
export function ruleFor(rules: readonly RoutingRule[], asked: Asked): RoutingRule | undefined {
  return rules.find(({ when }) => {
    const { caller, header, column } = when
    if (caller && !fits(caller, asked.caller)) return false
    if (header && !fits(header, asked.header(header.name))) return false
    return !column || fits(column, asked.cell(column.name))
  })
}
