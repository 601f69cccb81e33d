import { changeOf, formatCount, formatRatio, formatRounded } from './numbers';

describe('counts', () => {
  it('rounds to three significant digits', () => {
    expect(formatRounded(12480, 'en')).toBe('12.5K');
    expect(formatRounded(1934, 'en')).toBe('1.93K');
    expect(formatRounded(412, 'en')).toBe('412');
  });
  it('is exact where it is asked to be', () => {
    expect(formatCount(12480, 'en')).toBe('12,480');
    expect(formatCount(12480, 'pt-BR')).toBe('12.480');
  });
});

describe('changeOf', () => {
  it('is nothing without a comparison', () => {
    expect(changeOf({ value: 5 })).toBeNull();
  });
  it('is a ratio where the base allows it', () => {
    expect(changeOf({ value: 108, previous: 100 })).toMatchObject({ kind: 'ratio', direction: 'up' });
    expect(changeOf({ value: 92, previous: 100 })).toMatchObject({ kind: 'ratio', direction: 'down' });
  });
  it('is level when it rounds to nothing', () => {
    expect(changeOf({ value: 1001, previous: 1000 })).toMatchObject({ direction: 'level' });
  });
  it('is the previous figure where the base is too small for a percentage', () => {
    expect(changeOf({ value: 3, previous: 2 })).toEqual({ kind: 'previous', previous: 2 });
    expect(changeOf({ value: 3, previous: 0 })).toEqual({ kind: 'previous', previous: 0 });
  });
  it('is the previous figure where a percentage would be out of proportion', () => {
    expect(changeOf({ value: 5000, previous: 10 })).toEqual({ kind: 'previous', previous: 10 });
  });
  it('is written without a sign', () => {
    expect(formatRatio(-0.076, 'en')).toBe('8%');
  });
});
