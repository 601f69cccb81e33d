/** The query language of the service, as `docs/reference/query.md` states it. `schema.ts` is generated from its structs. */
import type { Schemas } from './schemas';

/**
 * What a question asks for.
 *
 * @public
 */
export type Metric = Schemas['WireQuery']['metrics'][number];

/**
 * When something was first and last done, whatever the date range of the question.
 *
 * @public
 */
export type TimeMetric = Extract<Metric, `${string}_access`>;

/**
 * What is counted: things done, different known people who did them, different things they were done to.
 *
 * @public
 */
export type CountMetric = Extract<Metric, 'events' | 'people' | 'items'>;

/**
 * What events are grouped by. Attributes (`attr:<name>`) have any name, and no type of their own here.
 *
 * @public
 */
export type Dimension = Exclude<Column, Metric>;

/**
 * Hours, days, weeks (by their Monday) or months (by their first day) of the reporting time zone.
 *
 * @public
 */
export type TimeDimension = Extract<Dimension, `time:${string}`>;

/**
 * What events are grouped by, a text. `person` needs the permission `analytics-internal.people.read`.
 *
 * @public
 */
export type NameDimension = Exclude<Dimension, TimeDimension | 'item'>;

/**
 * What a question may be narrowed by.
 *
 * @public
 */
export type FilterDimension = Schemas['TextFilter'][1];

/**
 * How a value is compared; `contains` ignores case.
 *
 * @public
 */
export type FilterOperator = Schemas['TextFilter' | 'ContainsFilter'][0];

/**
 * What a question is narrowed to. Several values mean any of them; `null` is "none": no entity, an unknown person.
 *
 * @public
 */
export type Filter =
  | [FilterOperator, FilterDimension, Schemas['TextFilter'][2]]
  | Schemas['ItemFilter']
  // Written by hand: OpenAPI's types have no list that begins with a word and goes on with filters.
  | ['and' | 'or', ...Filter[]]
  | ['not', Filter];

/** Days of the reporting time zone, both included. @public */
export type DayRange = Schemas['DayRange'];

/**
 * The days a question is about: the last ones, like `28d`, `8w` or `12m`, today included; given ones; or all.
 *
 * @public
 */
export type DateRange = NonNullable<Schemas['WireQuery']['date_range']>;

/** One (action, subject) pair: a row of the activity log. @public */
export type Item = Schemas['Item'];

/** How many. @public */
export type Count = Schemas['Count'];

/** A point in time. @public */
export type Moment = Schemas['Moment'];

/**
 * A type's properties by name, without those of any name.
 *
 * @public
 */
export type Named<T> = { [K in keyof T as string extends K ? never : K]: T[K] };

/**
 * Every column a row may have, by name. Attributes (`attr:<name>`) are not among them.
 *
 * @public
 */
export type Columns = Required<Named<Schemas['Row']>>;

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
export interface Query<C extends Column = Column> extends Omit<Schemas['WireQuery'], 'filters'> {
  /** One at least. */
  metrics: Extract<C, Metric>[];
  /** None: one row. At most one of time. */
  dimensions: Extract<C, Dimension>[];
  /** Only these events. */
  filters?: Filter | null;
  /** Only these days. */
  date_range: DateRange;
  /** The order of the rows; by default the first metric, most first, or the time. */
  order_by?: [C, 'asc' | 'desc'][];
}

/** The days an answer is about. @public */
export type Period = Schemas['WirePeriod'];

/** One hour, day, week or month of an answer's period. @public */
export type TimeLabel = Schemas['TimeLabel'];

/**
 * What the service answers to a question.
 *
 * @public
 */
export interface Answer<C extends Column = Column> extends Omit<Schemas['Answer'], 'results'> {
  /** The rows of this page, in order. */
  results: Row<C>[];
  /** The question as it was answered, defaults filled in. */
  query: Required<Schemas['WireQuery']>;
}

/** What the caller may do. @public */
export type May = Schemas['Grants'];

/** What there is to know before asking. @public */
export type Configuration = Schemas['Configuration'];
