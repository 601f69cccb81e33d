import { expect, it } from 'vitest';
import { languageOfBrowser, localeOf } from './languages';

it('takes the first language of the browser that it speaks', () => {
  expect(languageOfBrowser(['fr-FR', 'pt-PT', 'en'])).toBe('pt-BR');
  expect(languageOfBrowser(['en-GB', 'pt-BR'])).toBe('en');
  expect(languageOfBrowser(['fr'])).toBe('en');
});

it('writes numbers and dates as the browser’s variety of the language does', () => {
  expect(localeOf('en', ['pt-BR', 'en-GB'])).toBe('en-GB');
  expect(localeOf('pt-BR', ['en-US'])).toBe('pt-BR');
});
