import type { EndpointView, Traffic } from '@tidemark/contracts'
import { Count, Figures, trimmed } from '../ui/index.ts'

/** What the endpoint does now, in four figures. */
export function EndpointFigures(props: { readonly endpoint: EndpointView; readonly traffic: Traffic | undefined }) {
  const { endpoint, traffic } = props
  const total = traffic?.stages.total
  return (
    <Figures
      items={[
        {
          label: 'Requests',
          value: traffic ? <Count value={traffic.requests} /> : '…',
          note: traffic ? <RowsNote traffic={traffic} /> : undefined,
        },
        {
          label: 'Failed answers',
          value: traffic ? <Count value={traffic.errors} /> : '…',
          note: "the version's own, not callers' mistakes",
        },
        {
          label: 'Half answered within',
          value: total ? `${trimmed(total.p50)} ms` : '—',
          note: total ? `95 % ${trimmed(total.p95)} ms, 99 % ${trimmed(total.p99)} ms` : 'nothing was asked',
        },
        {
          label: 'Champion',
          value: endpoint.champion,
          note:
            endpoint.runtime === 'onnx'
              ? 'ONNX, parity checked'
              : endpoint.runtime === 'python'
                ? 'Python workers'
                : 'not running yet',
        },
      ]}
    />
  )
}

function RowsNote({ traffic }: { readonly traffic: Traffic }) {
  return (
    <>
      with <Count value={traffic.rows} /> rows
    </>
  )
}
