import { Link } from '@tanstack/react-router'
import { parseModelVersionRef } from '@tidemark/contracts'

/** Leads to a model version, by its reference as in `films/3`. */
export function VersionLink({ of }: { readonly of: string }) {
  const { model, version } = parseModelVersionRef(of)
  return (
    <Link to="/models/$model/$version" params={{ model, version: String(version) }}>
      {of}
    </Link>
  )
}
