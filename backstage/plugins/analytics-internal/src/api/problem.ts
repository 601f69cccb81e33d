import type { components } from './schema';

type Details = components['schemas']['ProblemDetails'];

/**
 * The service's answer when it could not do what was asked: problem+json, RFC 9457. Where something else answered in
 * its place, only a title and the status are known.
 *
 * @public
 */
export type Problem = Pick<Details, 'title' | 'status'> & Partial<Details>;

/**
 * The service answered, but not with what was asked for.
 *
 * @public
 */
export class ProblemError extends Error {
  /** Tells it from other errors where the class itself is not at hand. */
  override readonly name = 'ProblemError';
  /** What the service said. */
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.problem = problem;
  }

  /** Whether asking the same again could help. */
  get mayPass(): boolean {
    return this.problem.status >= 500 || this.problem.status === 429;
  }

  /** Whether the service does not know, or no longer knows, who asks. */
  get isSignedOut(): boolean {
    return this.problem.status === 401;
  }

  /** Whether the caller lacks a permission. */
  get isNotAllowed(): boolean {
    return this.problem.status === 403;
  }

  /** Whether the service's log does not reach the position asked for: it was restored from an earlier copy. */
  get isBeyondLog(): boolean {
    return this.problem.status === 400 && this.concerns('position');
  }

  /** Whether the service objected to this field of the question. */
  concerns(field: string): boolean {
    return this.problem.errors?.some((error) => error.field === field) ?? false;
  }
}

/** Read the problem out of a response that is not OK; one without a problem+json body is named by its status. */
export async function problemOf(response: Response): Promise<ProblemError> {
  const isProblem = response.headers.get('content-type')?.includes('json') ?? false;
  const fallback: Problem = {
    title: response.statusText || `HTTP ${response.status}`,
    status: response.status,
  };
  if (!isProblem) return new ProblemError(fallback);
  try {
    const body = (await response.json()) as Partial<Problem>;
    return new ProblemError({ ...fallback, ...body, status: response.status });
  } catch {
    return new ProblemError(fallback);
  }
}
