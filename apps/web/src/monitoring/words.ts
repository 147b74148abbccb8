import type { EndpointHealth } from '@tidemark/contracts'
import type { Tone } from '../ui/index.ts'

export function healthTone(state: EndpointHealth['state']): Tone {
  return state === 'well' ? 'good' : state
}

export function healthWord(state: EndpointHealth['state']): string {
  return { well: 'well', watch: 'watch', harm: 'harm', unknown: 'not known yet' }[state]
}
