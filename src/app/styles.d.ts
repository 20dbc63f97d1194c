/** Style sheets are imported where they are used; Vite puts them beside the chunk. */
declare module '*.css';
