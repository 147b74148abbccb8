import { FILMS } from './films.ts'
import type { Payload } from './payload.ts'
import { VISITS } from './visits.ts'
import { WAVES } from './waves.ts'

/** What is asked of which model, here and of a stock server. */
export const COMPARED: readonly {
  readonly model: string
  readonly what: string
  readonly payloads: readonly Payload[]
}[] = [
  { model: 'films-served', what: 'a pipeline with two numbers and a text', payloads: FILMS },
  {
    model: 'visits-served',
    what: 'a model of one’s own with a whole number, a truth value, a time, optional columns and parameters',
    payloads: VISITS,
  },
  { model: 'waves-served', what: 'a model of arrays', payloads: WAVES },
]
