/**
 * The texts of the pages, to be translated.
 *
 * @packageDocumentation
 */
export { analyticsInternalTranslationRef, analyticsInternalTranslations } from './portal/translation';
