import { splitForMiddleCut } from './middleCut';

describe('splitForMiddleCut', () => {
  it('leaves a short text whole', () => {
    expect(splitForMiddleCut('/catalog')).toEqual({ head: '/catalog', tail: '' });
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
