import { useMutation } from '@tanstack/react-query';
import { ProblemError } from '../../api/problem';
import type { Query } from '../../api/query';
import { usePages } from './PagesContext';
import { useConfiguration } from './useConfiguration';

/** A question whose whole answer can be had as a file. */
export interface CsvFile {
  /** What it is called in the menu. */
  label: string;
  /** Without `.csv`. */
  name: string;
  query: Query;
}

function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // Some browsers start to read the file later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** Download answers as CSV files, at the position of the view. The client fetches them, with the caller's token. */
export function useCsvDownload(): {
  download: (file: CsvFile) => void;
  isBusy: boolean;
  error: Error | null;
} {
  const { client } = usePages();
  const { known, renewed } = useConfiguration();

  async function csv(query: Query): Promise<Blob> {
    const { position } = await known();
    try {
      return await client.csv({ position, ...query });
    } catch (error) {
      if (!(error instanceof ProblemError && error.isBeyondLog)) throw error;
      return client.csv({ ...query, position: (await renewed()).position });
    }
  }

  const { mutate, isPending, error } = useMutation({
    mutationFn: async ({ query, name }: CsvFile) => save(await csv(query), `${name}.csv`),
  });
  return { download: mutate, isBusy: isPending, error };
}
