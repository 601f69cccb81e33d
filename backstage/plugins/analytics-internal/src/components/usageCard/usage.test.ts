import { docPageName } from './usage';

it.each([
  ['/docs/default/component/payments', ''],
  ['/docs/default/component/payments/runbooks/on-call', 'runbooks/on-call'],
])('calls the page %s “%s” within its documentation', (page, name) => {
  expect(docPageName(page)).toBe(name);
});
