import { expect, it } from 'vitest';
import { languageOfBrowser } from './languages';

it('takes the first language of the browser that it speaks', () => {
  expect(languageOfBrowser(['fr-FR', 'pt-PT', 'en'])).toBe('pt-BR');
  expect(languageOfBrowser(['en-GB', 'pt-BR'])).toBe('en');
  expect(languageOfBrowser(['fr'])).toBe('en');
});
