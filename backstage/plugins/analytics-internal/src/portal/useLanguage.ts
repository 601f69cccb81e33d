import {
  appLanguageApiRef,
  useApi,
  useTranslationRef,
  type TranslationFunction,
} from '@backstage/frontend-plugin-api';
import { useCallback, useMemo, useSyncExternalStore } from 'react';
import { localeOf } from '../format/locale';
import type { Translate } from '../translations/translate';
import { analyticsInternalTranslationRef } from './translation';

/** The portal's language: its texts, and how numbers and dates are written in it. */
export function useLanguage(): { t: Translate; locale: string } {
  const languages = useApi(appLanguageApiRef);
  const subscribe = useCallback(
    (onChange: () => void) => {
      const subscription = languages.language$().subscribe(onChange);
      return () => subscription.unsubscribe();
    },
    [languages],
  );
  const language = useSyncExternalStore(subscribe, () => languages.getLanguage().language);
  const { t: portalT } = useTranslationRef(analyticsInternalTranslationRef);
  // The portal's type asks for exactly the placeholders of each text; ours has one shape for all keys.
  const t = useMemo(() => portalT as TranslationFunction<Record<string, string>> as Translate, [portalT]);
  return { t, locale: localeOf(language, navigator.languages) };
}
