/** The query language of the service, as `docs/reference/query.md` states it. */

/**
 * What is counted: things done, different known people who did them, different things they were done to.
 *
 * @public
 */
export type CountMetric = 'events' | 'people' | 'items';

/**
 * When something was first and last done, whatever the date range of the question.
 *
 * @public
 */
export type TimeMetric = 'first_access' | 'last_access';

/**
 * What a question asks for.
 *
 * @public
 */
export type Metric = CountMetric | TimeMetric;

/**
 * Days, weeks (by their Monday) or months (by their first day) of the reporting time zone.
 *
 * @public
 */
export type TimeDimension = 'time:day' | 'time:week' | 'time:month';

/**
 * What events are grouped by, a text. `person` needs the permission `analytics-internal.people.read`.
 *
 * @public
 */
export type NameDimension =
  'action' | 'subject' | 'plugin' | 'entity' | 'person' | 'doc_page' | 'search_term';

/**
 * What events are grouped by.
 *
 * @public
 */
export type Dimension = NameDimension | 'item' | TimeDimension;

/**
 * What a question may be narrowed by.
 *
 * @public
 */
export type FilterDimension = NameDimension | 'path';

/**
 * How a value is compared; `contains` ignores case.
 *
 * @public
 */
export type FilterOperator = 'is' | 'is_not' | 'contains';

/**
 * What a question is narrowed to. Several values mean any of them; `null` is "none": no entity, an unknown person.
 *
 * @public
 */
export type Filter =
  | [FilterOperator, FilterDimension, (string | null)[]]
  | ['is' | 'is_not', 'item', number[]]
  | ['and' | 'or', ...Filter[]]
  | ['not', Filter];

/**
 * Days of the reporting time zone, both included.
 *
 * @public
 */
export interface DayRange {
  /** The first day: `2026-10-01`. */
  from: string;
  /** The last day. */
  to: string;
}

/**
 * The days a question is about: the last ones, like `28d`, `8w` or `12m`, today included; given ones; or all.
 *
 * @public
 */
export type DateRange = { last: string } | DayRange | 'all';

/**
 * One (action, subject) pair: a row of the activity log.
 *
 * @public
 */
export interface Item {
  /** Stays the same for as long as the item is known. */
  id: number;
  /** What was done: `navigate`, `click`, `search`. */
  action: string;
  /** What it was done to: the path of a page, the text of a button. */
  subject: string;
  /** Where in the portal it leads; null where it leads nowhere. */
  path: string | null;
}

/**
 * How many.
 *
 * @public
 */
export interface Count {
  /** In the period asked about. */
  value: number;
  /** In the period before, only when a comparison was asked for. */
  previous?: number;
}

/**
 * A point in time.
 *
 * @public
 */
export interface Moment {
  /** UTC, ISO 8601; null where there is none. */
  value: string | null;
}

/**
 * Every column a row may have, by name.
 *
 * @public
 */
export type Columns = Record<CountMetric, Count> &
  Record<TimeMetric, Moment> &
  Record<NameDimension, string | null> &
  Record<TimeDimension, string> & { item: Item };

/**
 * The name of a column: a metric or a dimension.
 *
 * @public
 */
export type Column = keyof Columns;

/**
 * A row of an answer with the columns `C`.
 *
 * @public
 */
export type Row<C extends Column> = Pick<Columns, C>;

/**
 * A question whose answer has rows with the columns `C`.
 *
 * @public
 */
export interface Query<C extends Column = Column> {
  /** One at least. */
  metrics: Extract<C, Metric>[];
  /** None: one row. At most one of time. */
  dimensions: Extract<C, Dimension>[];
  /** Only these events. */
  filters?: Filter | null;
  /** Only these days. */
  date_range: DateRange;
  /** Count the period of the same length just before as well; not with `all`. */
  compare?: 'previous_period' | null;
  /** The order of the rows; by default the first metric, most first, or the time. */
  order_by?: [C, 'asc' | 'desc'][];
  /** Rows of one page; null, only for CSV: every row. */
  limit?: number | null;
  /** Answer as of this position of the log, at most the newest. */
  position?: number;
  /** The page, as `meta.next_cursor` of an answer to the same question names it. */
  cursor?: string | null;
}

/**
 * The days an answer is about.
 *
 * @public
 */
export interface Period extends DayRange {
  /** When the first day begins: UTC, ISO 8601. */
  start: string;
  /** When the last day ends. */
  end: string;
  /** Whether the last day is over. */
  is_complete: boolean;
}

/**
 * One day, week or month of an answer's period.
 *
 * @public
 */
export interface TimeLabel {
  /** As the time column has it. */
  label: string;
  /** The days of the previous period it is compared with: those that would be in it, were they one period later. */
  previous: DayRange | null;
  /** Whether it is over. */
  is_complete: boolean;
}

/**
 * What the service answers to a question.
 *
 * @public
 */
export interface Answer<C extends Column = Column> {
  /** The rows of this page, in order. */
  results: Row<C>[];
  /** What the rows are about, and how one gets the others. */
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

/**
 * What the caller may do. Backstage's permission framework knows each under a name of its own.
 *
 * @public
 */
export interface May {
  /** Read figures, which name nobody: `analytics-internal.read`. */
  read: boolean;
  /** Read who did what: `analytics-internal.people.read`. */
  people: boolean;
  /** Administer the service: `analytics-internal.admin`. */
  admin: boolean;
}

/**
 * What there is to know before asking.
 *
 * @public
 */
export interface Configuration {
  /** The reporting time zone: `America/Sao_Paulo`. */
  time_zone: string;
  /** Where the portal is; null where the service was not told. */
  portal_url: string | null;
  /** The day it is now in the reporting time zone. */
  today: string;
  /** The day of the first event stored; null before there is one. */
  first_day: string | null;
  /** The newest position of the log at that moment. */
  position: number;
  /** The service's. */
  version: string;
  /** What whoever asks may do. */
  may: May;
}
