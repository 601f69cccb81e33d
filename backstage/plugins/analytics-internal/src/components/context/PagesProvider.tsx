import { QueryClientProvider, type QueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { createQueryClient } from './createQueryClient';
import { PagesContext, type Pages } from './PagesContext';

export interface PagesProviderProps {
  pages: Pages;
  /** Remembers the answers; undefined: one of this provider's own, forgotten with it. */
  queryClient?: QueryClient;
  children: ReactNode;
}

/** Gives the pages below what they need; no page works without one. */
export function PagesProvider({ pages, queryClient, children }: PagesProviderProps) {
  const [own] = useState(createQueryClient);
  return (
    <QueryClientProvider client={queryClient ?? own}>
      <PagesContext.Provider value={pages}>{children}</PagesContext.Provider>
    </QueryClientProvider>
  );
}
