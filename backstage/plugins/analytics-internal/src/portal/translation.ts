import { createTranslationRef, createTranslationResource } from '@backstage/frontend-plugin-api';
import { en } from '../translations/en';
import { PLUGIN_ID } from './apiRef';

const portuguese = () => import('../translations/ptBR').then(({ ptBR }) => ({ default: ptBR }));

/**
 * Every text of the pages, in English. Brazilian Portuguese comes with it, for portals that offer `pt-BR`.
 *
 * Other languages and other words are added as for any plugin, with `createTranslationResource` or
 * `createTranslationMessages`; they take precedence.
 *
 * @public
 */
export const analyticsInternalTranslationRef = createTranslationRef({
  id: PLUGIN_ID,
  messages: en,
  translations: { 'pt-BR': portuguese },
});

/**
 * The translations that come with the pages, for apps that list their translation resources themselves.
 *
 * @public
 */
export const analyticsInternalTranslations = createTranslationResource({
  ref: analyticsInternalTranslationRef,
  translations: { 'pt-BR': portuguese },
});
