import { readView, viewParameters, withParameter, writeView } from './address';
import { defaultView, type View } from './view';

const read = (address: string) => readView(new URLSearchParams(address));

describe('the view in the address', () => {
  it('is short for the default view', () => {
    expect(viewParameters(defaultView).toString()).toBe('');
    expect(read('')).toEqual(defaultView);
  });

  const views: View[] = [
    { ...defaultView, period: { kind: 'last', last: '90d' } },
    { ...defaultView, period: { kind: 'all' }, isCompared: false },
    { ...defaultView, period: { kind: 'custom', from: '2026-10-01', to: '2026-10-31' } },
    {
      ...defaultView,
      filters: [
        { dimension: 'plugin', operator: 'is', values: ['techdocs', 'catalog'] },
        { dimension: 'person', operator: 'is_not', values: ['user:default/ana', null] },
        { dimension: 'subject', operator: 'contains', values: ['a&b=c d'] },
      ],
    },
  ];
  it.each(views)('comes back as it was written: %j', (view) => {
    expect(read(viewParameters(view).toString())).toEqual(view);
  });

  it('is readable', () => {
    const view: View = {
      ...defaultView,
      filters: [{ dimension: 'person', operator: 'is_not', values: ['ana'] }],
    };
    expect(viewParameters(view).toString()).toBe('person.is_not=ana');
  });

  it.each(['period=7y', 'from=2026-13-01&to=2026-13-02', 'from=2026-02-02&to=2026-01-01', 'from=2026-01-01'])(
    'takes what makes no sense for left out: %s',
    (address) => {
      expect(read(address).period).toEqual(defaultView.period);
    },
  );

  it('drops the place in an answer that another view does not have', () => {
    const before = new URLSearchParams('cursor=abc&search=pay&sort=-people');
    const after = writeView(before, { ...defaultView, period: { kind: 'all' } });
    expect(after.toString()).toBe('search=pay&sort=-people&period=all');
  });

  it('drops the place when searched or sorted, not when the tile changes', () => {
    const before = new URLSearchParams('cursor=abc');
    expect(withParameter(before, 'search', 'pay').toString()).toBe('search=pay');
    expect(withParameter(before, 'sort', '-people').toString()).toBe('sort=-people');
    expect(withParameter(before, 'metric', 'people').toString()).toBe('cursor=abc&metric=people');
  });
});
