import { joinSession, KEPT_EXACTLY_MS, SESSION_IDLE_MS } from './session';

const ana = 'user:default/ana';
const now = Date.parse('2026-11-24T09:00:00Z');

beforeEach(() => localStorage.clear());

it('a session goes on while somebody does something every half hour', () => {
  const { id } = joinSession(ana, now, false);
  for (let step = 1; step <= 10; step++) {
    expect(joinSession(ana, now + step * (SESSION_IDLE_MS - KEPT_EXACTLY_MS), false).id).toBe(id);
  }
});

it('what is kept is written anew only when time has passed', () => {
  joinSession(ana, now, true);
  const kept = { ...localStorage };
  joinSession(ana, now + KEPT_EXACTLY_MS - 1, false);
  expect({ ...localStorage }).toEqual(kept);
  joinSession(ana, now + KEPT_EXACTLY_MS, false);
  expect({ ...localStorage }).not.toEqual(kept);
});

it('after half an hour of nothing another one begins, signed in anew', () => {
  const first = joinSession(ana, now, true);
  const second = joinSession(ana, now + SESSION_IDLE_MS, true);
  expect(second.id).not.toBe(first.id);
  expect(second.isKnown).toBe(false);
});

it('a sign-in is known from the second time on', () => {
  joinSession(ana, now, false);
  expect(joinSession(ana, now, true).isKnown).toBe(false);
  expect(joinSession(ana, now, true).isKnown).toBe(true);
  expect(joinSession(ana, now, false).isKnown).toBe(true);
});

it('a clock that is set back by more than a session begins another one', () => {
  const { id } = joinSession(ana, now, false);
  expect(joinSession(ana, now - SESSION_IDLE_MS, false).id).not.toBe(id);
});

it.each(['', 'nonsense', 'a b c'])('what is kept as "%s" is no session', (kept) => {
  localStorage.setItem(`analytics-internal.session:${ana}`, kept);
  expect(joinSession(ana, now, false).id).toMatch(/^[0-9a-f-]{36}$/);
});
