import type { Filter } from '../api/query';
import { curve, namesPeople, totals } from '../view/questions';
import { defaultView, type View } from '../view/view';
import { itemEver } from './details/About';
import { accessHistory } from './details/UserAccessHistory';
import { suggestions } from './filters/FilterValues';
import { activityLog } from './metrics/ActivityLog';
import { busiestPeople } from './metrics/BusiestPeople';
import { mostVisitedScreens } from './metrics/MostVisitedScreens';

const filtered: View = {
  ...defaultView,
  filters: [{ dimension: 'plugin', operator: 'is', values: ['techdocs'] }],
};
const firstPage = { sort: { by: 'events', direction: 'desc' }, place: null } as const;

describe('the questions of one page view', () => {
  it('have its period and its filters in common', () => {
    const questions = [
      totals(filtered),
      curve(filtered, 'events', 'time:day'),
      mostVisitedScreens(filtered),
      activityLog(filtered, '', firstPage),
    ];
    for (const question of questions) {
      expect(question.date_range).toEqual({ last: '28d' });
      expect(JSON.stringify(question.filters)).toContain('["is","plugin",["techdocs"]]');
    }
  });

  it('are compared where a comparison is shown', () => {
    expect(totals(defaultView).compare).toBe('previous_period');
    expect(curve(defaultView, 'people', 'time:day').compare).toBe('previous_period');
    expect(activityLog(defaultView, '', firstPage)).not.toHaveProperty('compare');
  });

  it('are not compared over all time, which has nothing before it', () => {
    expect(totals({ ...defaultView, period: { kind: 'all' } })).not.toHaveProperty('compare');
  });

  it('narrow the log by its search, and nothing else by it', () => {
    expect(activityLog(filtered, 'pay', firstPage).filters).toEqual([
      'and',
      ['is', 'plugin', ['techdocs']],
      ['contains', 'subject', ['pay']],
    ]);
  });

  it('ask what an item is whatever the page’s period and filters', () => {
    expect(itemEver(7)).toMatchObject({ date_range: 'all', filters: ['is', 'item', [7]] });
  });

  it('suggest all values of a dimension, not only those under the filters', () => {
    expect(suggestions(filtered, 'person', '').filters).toBeNull();
    expect(suggestions(filtered, 'person', 'an').filters).toEqual(['contains', 'person', ['an']]);
  });
});

describe('namesPeople', () => {
  const question = activityLog(defaultView, '', firstPage);

  it('is false for a question that only counts them', () => {
    expect(namesPeople(question)).toBe(false);
    expect(namesPeople(totals(filtered))).toBe(false);
  });
  it('is true for one that asks for them', () => {
    expect(namesPeople(busiestPeople(defaultView))).toBe(true);
    expect(namesPeople(accessHistory(defaultView, 7, firstPage))).toBe(true);
  });
  it.each<Filter>([
    ['is', 'person', ['user:default/ana']],
    ['is_not', 'person', [null]],
    ['and', ['is', 'plugin', ['catalog']], ['not', ['contains', 'person', ['an']]]],
  ])('is true for one about some of them: %j', (...filters) => {
    expect(namesPeople({ ...question, filters: filters as unknown as Filter })).toBe(true);
  });
});
