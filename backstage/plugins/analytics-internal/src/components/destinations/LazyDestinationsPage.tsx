import { lazy, Suspense } from 'react';

const DestinationsPage = lazy(() => import('./DestinationsPage'));

/** The destinations. Few people open them: their code is loaded when somebody does. */
export function LazyDestinationsPage() {
  return (
    <Suspense>
      <DestinationsPage />
    </Suspense>
  );
}
