import { splitForMiddleCut } from './middleCut';

describe('splitForMiddleCut', () => {
  it.each(['/catalog', '/a-single-segment', 'A sentence without any slash'])('leaves %s whole', (text) => {
    expect(splitForMiddleCut(text)).toEqual({ head: text, tail: '' });
  });
  it.each([
    ['/catalog/default', '/default'],
    ['/catalog/default/component/payments', '/component/payments'],
  ])('ends with what tells %s from others', (text, tail) => {
    expect(splitForMiddleCut(text).tail).toBe(tail);
  });
  it('keeps the last segment together', () => {
    const { tail } = splitForMiddleCut('/docs/default/component/payments/runbooks/on-call');
    expect(tail).toBe('/runbooks/on-call');
  });
  it('loses nothing', () => {
    const text = `/docs/${'a-rather-long-segment-'.repeat(8)}`;
    const { head, tail } = splitForMiddleCut(text);
    expect(head + tail).toBe(text);
  });
});
