import { formatBucket, formatDateToShort, formatDay, formatDays, formatTick } from './dates';

describe('formatDateToShort', () => {
  const moment = '2025-07-16T15:44:14.000Z';
  const saoPaulo = { locale: 'pt-BR', timeZone: 'America/Sao_Paulo' };

  it('writes a date as the original does', () => {
    expect(formatDateToShort(moment, false, saoPaulo)).toBe('16/07/2025');
  });
  it('writes a date with its time as the original does', () => {
    expect(formatDateToShort(moment, true, saoPaulo)).toBe('16/07/2025 12:44:14');
  });
  it('follows the locale', () => {
    expect(formatDateToShort(moment, false, { ...saoPaulo, locale: 'en-US' })).toBe('07/16/2025');
    expect(formatDateToShort(moment, true, { ...saoPaulo, locale: 'en-GB' })).toBe('16/07/2025, 12:44:14');
  });
  it('is in the reporting zone, not in the browser’s', () => {
    const late = '2026-01-01T02:30:00.000Z';
    expect(formatDateToShort(late, false, saoPaulo)).toBe('31/12/2025');
    expect(formatDateToShort(late, false, { locale: 'pt-BR', timeZone: 'Asia/Tokyo' })).toBe('01/01/2026');
  });
});

describe('days and buckets', () => {
  it('does not move a day into another zone', () => {
    expect(formatDay('2026-11-02', 'pt-BR')).toBe('02/11/2026');
  });
  it('names a day with its weekday and a month without a day', () => {
    expect(formatBucket('2026-11-02', 'day', 'en-GB')).toBe('Mon, 02/11/2026');
    expect(formatBucket('2026-11-01', 'month', 'en-GB')).toBe('November 2026');
  });
  it('names several days by the first and the last one', () => {
    expect(formatDays({ from: '2026-01-29', to: '2026-02-28' }, 'en-GB')).toBe('29/01/2026 – 28/02/2026');
    expect(formatDays({ from: '2026-11-02', to: '2026-11-02' }, 'en-GB')).toBe('Mon, 02/11/2026');
  });
  it('is short under the axis', () => {
    expect(formatTick('2026-11-02', 'day', 'en-GB')).toBe('2 Nov');
    expect(formatTick('2026-11-01', 'month', 'en-GB')).toBe('Nov 2026');
  });
});
