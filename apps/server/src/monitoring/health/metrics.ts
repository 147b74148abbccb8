import { Counter, Gauge } from 'prom-client'
import type { Platform } from '../../platform/index.ts'
import { alarmTotals, faultTotals, watchTotals } from './store.ts'

/** Metrics for Prometheus, read from the tables at each scrape: a restart loses no count. */
export function monitoringMetrics({ db, metrics }: Platform): void {
  const registers = [metrics]
  new Counter({
    name: 'tidemark_window_alarms_total',
    help: 'Checks of judged windows that found a change, by kind of check.',
    labelNames: ['workspace', 'endpoint', 'kind'],
    registers,
    async collect() {
      this.reset()
      for (const { alarms, ...labels } of await alarmTotals(db)) this.inc(labels, alarms)
    },
  })
  new Gauge({
    name: 'tidemark_realised_loss',
    help: "Mean realised loss of a version while it was champion, in the unit of the endpoint's policy.",
    labelNames: ['workspace', 'endpoint', 'version'],
    registers,
    async collect() {
      this.reset()
      for (const { workspace, endpoint, version, labelled, total } of await watchTotals(db)) {
        if (labelled && total !== null) this.set({ workspace, endpoint, version: String(version) }, total / labelled)
      }
    },
  })
  new Gauge({
    name: 'tidemark_open_input_faults',
    help: 'Input faults that last.',
    labelNames: ['workspace', 'endpoint'],
    registers,
    async collect() {
      this.reset()
      for (const { workspace, endpoint, open } of await faultTotals(db)) this.set({ workspace, endpoint }, open)
    },
  })
  new Gauge({
    name: 'tidemark_quarantined_things',
    help: 'Things whose inputs were faulty.',
    labelNames: ['workspace', 'endpoint'],
    registers,
    async collect() {
      this.reset()
      for (const { workspace, endpoint, quarantined } of await faultTotals(db))
        this.set({ workspace, endpoint }, quarantined)
    },
  })
}
