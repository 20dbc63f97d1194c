/** Connected components of a mask. */

/** Neighbours of a voxel: those with a common face, edge as well, or corner as well. */
export type Connectivity = 6 | 18 | 26;
