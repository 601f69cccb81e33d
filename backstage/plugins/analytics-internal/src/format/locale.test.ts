import { localeOf } from './locale';

it('writes numbers and dates as the browser’s variety of the language does', () => {
  expect(localeOf('en', ['pt-BR', 'en-GB'])).toBe('en-GB');
  expect(localeOf('pt-BR', ['en-US'])).toBe('pt-BR');
});
