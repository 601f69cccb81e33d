import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { ProblemError } from '../api/problem';
import { PagesContext, type Pages } from './PagesContext';

const RETRIES = 2;

function createQueryClient(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Back and forward show at once what was seen a moment ago.
        staleTime: 15_000,
        retry: (failures, error) =>
          failures < RETRIES && (error instanceof ProblemError ? error.mayPass : true),
        retryDelay: (attempt) => 500 * 2 ** attempt,
      },
    },
  });
}

/** Gives the pages below what they need; no page works without one. */
export function PagesProvider({ pages, children }: { pages: Pages; children: ReactNode }) {
  const [queryClient] = useState(createQueryClient);
  return (
    <QueryClientProvider client={queryClient}>
      <PagesContext.Provider value={pages}>{children}</PagesContext.Provider>
    </QueryClientProvider>
  );
}
