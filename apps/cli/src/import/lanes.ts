/** Work of which so much is under way at once. The first failure is thrown by what comes next. */
export class Lanes {
  private readonly most: number
  private readonly underWay = new Set<Promise<void>>()
  private failure: { readonly error: unknown } | null = null

  constructor(most: number) {
    this.most = most
  }

  /** Begins the work as soon as a lane is free; resolves when it has begun. */
  async begin(work: () => Promise<void>): Promise<void> {
    while (this.underWay.size >= this.most) await Promise.race(this.underWay)
    this.rethrow()
    const promise: Promise<void> = work()
      .catch((error: unknown) => {
        this.failure ??= { error }
      })
      .finally(() => this.underWay.delete(promise))
    this.underWay.add(promise)
  }

  /** Waits for all that has begun. */
  async end(): Promise<void> {
    await Promise.all(this.underWay)
    this.rethrow()
  }

  private rethrow(): void {
    if (this.failure) throw this.failure.error
  }
}
