import type { Events } from './platform/events.ts'

/** What the loop is wired from: the use cases of each module that answer an event of another. */
// biome-ignore lint/suspicious/noEmptyInterface: each module adds its line as it joins the loop.
export interface LoopModules {}

/** The closed loop: read top to bottom, as the product does. Each reaction is a job of the event's own transaction, keyed event:name. */
export function wireReactions(_events: Events, _modules: LoopModules): void {}
