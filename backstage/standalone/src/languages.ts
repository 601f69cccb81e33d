import { primary } from '../../plugins/analytics-internal/src/format/locale';
import { en } from '../../plugins/analytics-internal/src/translations/en';
import { ptBR } from '../../plugins/analytics-internal/src/translations/ptBR';
import type { Messages } from '../../plugins/analytics-internal/src/translations/translate';

export const languages = ['en', 'pt-BR'] as const;
export type Language = (typeof languages)[number];

export const languageNames: Record<Language, string> = { en: 'English', 'pt-BR': 'Português' };
export const messagesOf: Record<Language, Messages> = { en, 'pt-BR': ptBR };

/** The first language of the browser that the pages speak; English where there is none. */
export function languageOfBrowser(tags: readonly string[]): Language {
  for (const tag of tags) {
    const language = languages.find((known) => primary(known) === primary(tag));
    if (language) return language;
  }
  return 'en';
}
