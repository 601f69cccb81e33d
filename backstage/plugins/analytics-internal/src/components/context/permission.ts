/** To read figures, which name nobody. */
export const READ = 'analytics-internal.read';
/** To read who did what. */
export const PEOPLE_READ = 'analytics-internal.people.read';

/** To administer the service. */
export const ADMIN = 'analytics-internal.admin';

/** What the pages need, by the names that Backstage's permission framework knows. */
export type Permission = typeof READ | typeof PEOPLE_READ | typeof ADMIN;
