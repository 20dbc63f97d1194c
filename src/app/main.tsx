/** The page's entry. */
import { render } from 'preact';

render(<h1>tonno</h1>, document.getElementById('app')!);
