import type { Run } from '@tidemark/contracts'
import type { Tone } from '../ui/index.ts'

export function runTone(status: Run['status']): Tone {
  switch (status) {
    case 'FINISHED':
      return 'good'
    case 'FAILED':
    case 'KILLED':
      return 'harm'
    case 'RUNNING':
      return 'accent'
    case 'SCHEDULED':
      return 'unknown'
  }
}
