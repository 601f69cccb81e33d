import { QueryClient } from '@tanstack/react-query';
import { ProblemError } from '../../api/problem';

const RETRIES = 2;

/** A cache of the pages' answers. */
export function createQueryClient(): QueryClient {
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
