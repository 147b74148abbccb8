import { randomBytes } from 'node:crypto'
import { exchange } from './http.ts'
import { type NormalAnswer, normalise } from './normalise.ts'
import type { Scenario, Step } from './scenario.ts'

/** Plays a scenario against a server. @returns the normalised answer of each step, by its title. */
export async function play(server: string, scenario: Scenario): Promise<Map<string, NormalAnswer>> {
  const kept = new Map([['u', randomBytes(5).toString('hex')]])
  const answers = new Map<string, NormalAnswer>()
  for (const step of scenario.steps) {
    if (answers.has(step.title)) throw new Error(`${scenario.name} has two steps called "${step.title}".`)
    const answer = await exchange(...sent(server, step, kept))
    for (const [name, path] of Object.entries(step.keep ?? {})) kept.set(name, valueAt(answer.body, path))
    answers.set(step.title, normalise(answer, step, kept))
  }
  return answers
}

function sent(server: string, step: Step, kept: ReadonlyMap<string, string>): Parameters<typeof exchange> {
  const fill = (text: string) => text.replace(/\{([a-zA-Z]\w*)\}/g, (all, name: string) => kept.get(name) ?? all)
  const query = new URLSearchParams(
    Object.entries(step.query ?? {}).flatMap(([key, value]) =>
      (typeof value === 'string' ? [value] : value).map((one): [string, string] => [key, fill(one)]),
    ),
  ).toString()
  const body = step.raw === undefined ? (step.body === undefined ? undefined : JSON.stringify(step.body)) : step.raw
  const type = step.contentType === undefined ? (body === undefined ? null : 'application/json') : step.contentType
  return [
    `${server}${fill(step.path)}${query === '' ? '' : `?${query}`}`,
    step.method,
    type === null ? {} : { 'content-type': type },
    body === undefined ? undefined : fill(body),
  ]
}

/** The text at a dotted path; empty when it is not there, so that a scenario goes on and shows the difference. */
function valueAt(body: unknown, path: string): string {
  const found = path.split('.').reduce<unknown>((value, key) => (value as Record<string, unknown> | null)?.[key], body)
  return found === undefined ? '' : String(found)
}
