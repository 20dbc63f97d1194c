/** Stands for modules of Node that a library names and never uses in a browser. */
export default {};
