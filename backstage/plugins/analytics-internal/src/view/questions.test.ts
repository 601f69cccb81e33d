import type { Filter } from '../api/query';
import {
  accessHistory,
  activityLog,
  busiestPeople,
  curve,
  itemEver,
  mostVisitedScreens,
  namesPeople,
  suggestions,
  totals,
} from './questions';
import { defaultView, type View } from './view';

const filtered: View = {
  ...defaultView,
  filters: [{ dimension: 'plugin', operator: 'is', values: ['techdocs'] }],
};
const sort = { by: 'events', direction: 'desc' } as const;

describe('the questions of one page view', () => {
  it('have its period and its filters in common', () => {
    const questions = [
      totals(filtered),
      curve(filtered, 'events', 'time:day'),
      mostVisitedScreens(filtered),
      activityLog(filtered, { search: '', sort, place: null }),
    ];
    for (const question of questions) {
      expect(question.date_range).toEqual({ last: '28d' });
      expect(JSON.stringify(question.filters)).toContain('["is","plugin",["techdocs"]]');
    }
  });

  it('are compared where a comparison is shown', () => {
    expect(totals(defaultView).compare).toBe('previous_period');
    expect(curve(defaultView, 'people', 'time:day').compare).toBe('previous_period');
    expect(activityLog(defaultView, { search: '', sort, place: null })).not.toHaveProperty('compare');
  });

  it('are not compared over all time, which has nothing before it', () => {
    expect(totals({ ...defaultView, period: { kind: 'all' } })).not.toHaveProperty('compare');
  });

  it('narrow the log by its search, and nothing else by it', () => {
    expect(activityLog(filtered, { search: 'pay', sort, place: null }).filters).toEqual([
      'and',
      ['is', 'plugin', ['techdocs']],
      ['contains', 'subject', ['pay']],
    ]);
  });

  it('ask what an item is whatever the page’s period and filters', () => {
    expect(itemEver(filtered, 7)).toMatchObject({ date_range: 'all', filters: ['is', 'item', [7]] });
  });

  it('suggest all values of a dimension, not only those under the filters', () => {
    expect(suggestions(filtered, 'person', '').filters).toBeNull();
    expect(suggestions(filtered, 'person', 'an').filters).toEqual(['contains', 'person', ['an']]);
  });
});

describe('namesPeople', () => {
  const question = activityLog(defaultView, { search: '', sort, place: null });

  it('is false for a question that only counts them', () => {
    expect(namesPeople(question)).toBe(false);
    expect(namesPeople(totals(filtered))).toBe(false);
  });
  it('is true for one that asks for them', () => {
    expect(namesPeople(busiestPeople(defaultView))).toBe(true);
    expect(namesPeople(accessHistory(defaultView, 7, { sort, place: null }))).toBe(true);
  });
  it.each<Filter>([
    ['is', 'person', ['user:default/ana']],
    ['is_not', 'person', [null]],
    ['and', ['is', 'plugin', ['catalog']], ['not', ['contains', 'person', ['an']]]],
  ])('is true for one about some of them: %j', (...filters) => {
    expect(namesPeople({ ...question, filters: filters as unknown as Filter })).toBe(true);
  });
});
