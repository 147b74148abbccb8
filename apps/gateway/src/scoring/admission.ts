import { LimitsPolicy } from '@tidemark/contracts'
import { Overloaded, QueuedTooLong } from './errors.ts'

/** Of endpoints whose snapshot names none. */
export const DEFAULT_LIMITS: LimitsPolicy = LimitsPolicy.parse({})

interface Waiting {
  readonly begin: () => void
  readonly timer: NodeJS.Timeout
}

/** One endpoint's share of the gateway: so many requests at once, so many that wait, and no more. */
class Queue {
  running = 0
  readonly waiting = new Set<Waiting>()
}

/**
 * Lets requests in by their endpoint's limits. Who finds the queue full is told at once to come again, so that those who wait are answered in time;
 * who waits longer than its time is told so without having cost the model anything.
 */
export class Admission {
  private readonly queues = new Map<string, Queue>()
  private inside = 0

  /**
   * Takes a place; call `leave` with the same key afterwards. Without a queue it answers at once, with nothing.
   * @throws Overloaded (429) when the queue is full; the promise rejects with QueuedTooLong (503) when its turn does not come in time
   */
  enter(key: string, limits: LimitsPolicy, patienceMs: number): Promise<void> | undefined {
    let queue = this.queues.get(key)
    if (!queue) {
      queue = new Queue()
      this.queues.set(key, queue)
    }
    if (queue.running < limits.concurrency) {
      queue.running += 1
      this.inside += 1
      return undefined
    }
    if (queue.waiting.size >= limits.queue) throw Overloaded()
    return this.wait(queue, patienceMs)
  }

  /** Gives the place on to who waits longest. */
  leave(key: string): void {
    const queue = this.queues.get(key)
    if (!queue) return
    const [next] = queue.waiting
    if (next) {
      queue.waiting.delete(next)
      clearTimeout(next.timer)
      next.begin()
      return
    }
    queue.running -= 1
    this.inside -= 1
    if (queue.running === 0) this.queues.delete(key)
  }

  /** Requests that have a place, over all endpoints. */
  get running(): number {
    return this.inside
  }

  /** Requests that wait, over all endpoints. */
  get waiting(): number {
    let sum = 0
    for (const { waiting } of this.queues.values()) sum += waiting.size
    return sum
  }

  private wait(queue: Queue, patienceMs: number): Promise<void> {
    return new Promise((begin, reject) => {
      const timer = setTimeout(() => {
        queue.waiting.delete(entry)
        reject(QueuedTooLong())
      }, patienceMs)
      const entry: Waiting = { begin, timer }
      queue.waiting.add(entry)
    })
  }
}
