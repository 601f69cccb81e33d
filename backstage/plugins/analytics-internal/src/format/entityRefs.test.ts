import { catalogPath, shortEntityRef } from './entityRefs';

describe('entity refs', () => {
  it('are read without kind and default namespace', () => {
    expect(shortEntityRef('user:default/ana')).toBe('ana');
    expect(shortEntityRef('user:partners/ana')).toBe('partners/ana');
    expect(shortEntityRef('something else')).toBe('something else');
  });
  it('lead to the catalog', () => {
    expect(catalogPath('user:default/ana')).toBe('/catalog/default/user/ana');
    expect(catalogPath('p-3f2a')).toBeNull();
  });
});
