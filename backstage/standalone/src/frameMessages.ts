import type { Language } from './languages';

/** The texts of the frame around the pages. A portal has its own frame. */
export const frameMessages = {
  en: {
    product: 'Analytics Internal',
    language: 'Language',
    theme: 'Theme',
    system: 'As the system',
    light: 'Light',
    dark: 'Dark',
    api: 'API',
    skip: 'Skip to the content',
    lost: 'There is no such page',
    home: 'To the metrics',
  },
  'pt-BR': {
    product: 'Analytics Internal',
    language: 'Idioma',
    theme: 'Tema',
    system: 'Como o sistema',
    light: 'Claro',
    dark: 'Escuro',
    api: 'API',
    skip: 'Ir para o conteúdo',
    lost: 'Esta página não existe',
    home: 'Para as métricas',
  },
} as const satisfies Record<Language, Record<string, string>>;

export type FrameMessages = Record<keyof (typeof frameMessages)['en'], string>;
