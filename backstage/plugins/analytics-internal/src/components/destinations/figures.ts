/** The figures of a destination, each with its label and definition in the texts: `destinations.<name>(.about)`. */
export const figures = ['stored', 'filtered', 'delivered', 'dead', 'waiting', 'last'] as const;

export type FigureName = (typeof figures)[number];
