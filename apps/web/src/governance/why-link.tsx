import { IconArrowsSplit } from '@tabler/icons-react'
import { Link } from '@tanstack/react-router'
import { actionClass } from '../ui/index.ts'

/** Leads to the chain of causes of anything that has an id. */
export function WhyLink({ id }: { readonly id: string }) {
  return (
    <Link to="/governance/why/$id" params={{ id }} className={actionClass}>
      <IconArrowsSplit size={15} aria-hidden style={{ transform: 'rotate(90deg)' }} /> Why
    </Link>
  )
}
