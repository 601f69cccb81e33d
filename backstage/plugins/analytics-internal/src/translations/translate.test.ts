import { en } from './en';
import { ptBR } from './ptBR';
import { createTranslate } from './translate';

describe('createTranslate', () => {
  const t = createTranslate(en, 'en');

  it('fills the placeholders', () => {
    expect(t('pager.range', { count: 25, from: 1, to: 25, total: '1,934' })).toBe('1–25 of 1,934');
  });
  it('leaves a placeholder that nobody fills in sight', () => {
    expect(t('pager.range', { count: 25, from: 1, to: 25 })).toBe('1–25 of {{total}}');
  });

  it.each([
    [1, '1 person', '1 pessoa'],
    [2, '2 people', '2 pessoas'],
    [1_000_000, '1000000 people', '1000000 pessoas'],
  ])('says one and many in both languages: %i', (count, english, portuguese) => {
    const values = { count, figure: String(count) };
    expect(t('tiles.people', values)).toBe(english);
    expect(createTranslate(ptBR, 'pt-BR')('tiles.people', values)).toBe(portuguese);
  });
});

it.each(Object.entries(ptBR))('has the same placeholders in both languages: %s', (key, portuguese) => {
  const placeholders = (text: string) => [...text.matchAll(/\{\{\w+\}\}/g)].map(String).sort();
  const english = (en as Record<string, string>)[key.replace(/_many$/, '_other')];
  expect(placeholders(portuguese)).toEqual(placeholders(english!));
});
