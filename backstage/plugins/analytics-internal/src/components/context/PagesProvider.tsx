import { QueryClientProvider, type QueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { createQueryClient } from './createQueryClient';
import { PagesContext, type Pages } from './PagesContext';

export interface PagesProviderProps {
  pages: Pages;
  /** Caches the answers; undefined: a cache that lives as long as this provider. */
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
