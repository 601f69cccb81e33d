/** The query language of the service, as `docs/reference/query.md` states it. */

export type CountMetric = 'events' | 'people' | 'items';
export type TimeMetric = 'first_access' | 'last_access';
export type Metric = CountMetric | TimeMetric;

export type TimeDimension = 'time:day' | 'time:week' | 'time:month';
export type NameDimension =
  'action' | 'subject' | 'plugin' | 'entity' | 'person' | 'doc_page' | 'search_term';
export type Dimension = NameDimension | 'item' | TimeDimension;

/** What a question may be narrowed by. */
export type FilterDimension = NameDimension | 'path';
export type FilterOperator = 'is' | 'is_not' | 'contains';

export type Filter =
  | [FilterOperator, FilterDimension, (string | null)[]]
  | ['is' | 'is_not', 'item', number[]]
  | ['and' | 'or', ...Filter[]]
  | ['not', Filter];

/** Days of the reporting time zone, both included. */
export interface DayRange {
  from: string;
  to: string;
}
export type DateRange = { last: string } | DayRange | 'all';

/** One (action, subject) pair: a row of the activity log. */
export interface Item {
  id: number;
  action: string;
  subject: string;
  /** Where in the portal it leads; null where it leads nowhere. */
  path: string | null;
}

export interface Count {
  value: number;
  /** Only when a comparison was asked for. */
  previous?: number;
}

export interface Moment {
  /** UTC, ISO 8601. */
  value: string | null;
}

/** Every column a row may have, by name. */
export type Columns = Record<CountMetric, Count> &
  Record<TimeMetric, Moment> &
  Record<NameDimension, string | null> &
  Record<TimeDimension, string> & { item: Item };

export type Column = keyof Columns;
export type Row<C extends Column> = Pick<Columns, C>;

/** A question whose answer has rows with the columns `C`. */
export interface Query<C extends Column = Column> {
  metrics: Extract<C, Metric>[];
  dimensions: Extract<C, Dimension>[];
  filters?: Filter | null;
  date_range: DateRange;
  compare?: 'previous_period' | null;
  order_by?: [C, 'asc' | 'desc'][];
  /** Rows of one page; null, only for CSV: every row. */
  limit?: number | null;
  /** Answer as of this position of the log, at most the newest. */
  position?: number;
  cursor?: string | null;
}

export interface Period extends DayRange {
  start: string;
  end: string;
  is_complete: boolean;
}

export interface TimeLabel {
  label: string;
  /** The bucket at the same place of the previous period. */
  previous?: string | null;
  is_complete: boolean;
}

export interface Answer<C extends Column = Column> {
  results: Row<C>[];
  meta: {
    time_zone: string;
    period: Period;
    previous_period: Period | null;
    complete_until: string;
    position: number;
    total_rows: number;
    offset: number;
    next_cursor: string | null;
    previous_cursor: string | null;
    /** Every bucket of the period in order, those without a row included; null without a time dimension. */
    time_labels: TimeLabel[] | null;
  };
  /** The question as it was answered, defaults filled in. */
  query: { metrics: Metric[]; dimensions: Dimension[] };
}

/** What the caller may do. Backstage's permission framework knows each under a name of its own. */
export interface May {
  /** Read figures, which name nobody: `analytics-internal.read`. */
  read: boolean;
  /** Read who did what: `analytics-internal.people.read`. */
  people: boolean;
  /** Administer the service: `analytics-internal.admin`. */
  admin: boolean;
}

/** What the pages need to know before asking. */
export interface Configuration {
  time_zone: string;
  /** Where the portal is; null where the service was not told. */
  portal_url: string | null;
  /** The day it is now in the reporting time zone. */
  today: string;
  /** The day of the first event stored; null before there is one. */
  first_day: string | null;
  /** The newest position of the log at that moment. */
  position: number;
  version: string;
  may: May;
}
