import { createContext, useContext, useMemo, type ReactNode } from 'react';
import type { Answer } from '../../api/query';

/** What the catalog calls entities and people, by their refs. */
export type Titles = Answer['meta']['titles'];

const TitlesContext = createContext<Titles>({});

/** The titles in the answers around; a ref without one is shown as it is. */
export function useTitles(): Titles {
  return useContext(TitlesContext);
}

export interface TitlesProviderProps {
  answer: { meta: Pick<Answer['meta'], 'titles'> } | undefined;
  children: ReactNode;
}

/** Gives what is below it the titles of an answer, beside those it has already. */
export function TitlesProvider({ answer, children }: TitlesProviderProps) {
  const around = useTitles();
  const found = answer?.meta.titles;
  const titles = useMemo(() => ({ ...around, ...found }), [around, found]);
  return <TitlesContext.Provider value={titles}>{children}</TitlesContext.Provider>;
}
