import { Link } from '@tanstack/react-router'
import { Page } from '../ui/index.ts'

export function NotFoundPage() {
  return (
    <Page title="No such page" sentence="This address leads nowhere. Search for what you look for with Ctrl K.">
      <Link to="/">Home</Link>
    </Page>
  )
}
