/** What the tests' crews run. */
let kept = 0;

export async function handle(message) {
  switch (message.do) {
    case 'add':
      kept += message.value;
      return { value: kept };
    case 'wait':
      await new Promise((resolve) => setTimeout(resolve, message.milliseconds));
      return { value: ++kept };
    case 'double': {
      const value = message.value.map((v) => 2 * v);
      return { value, transfer: [value.buffer] };
    }
    case 'spin':
      for (;;);
    case 'throw':
      throw new RangeError('too far');
    case 'throw a word':
      throw 'word';
    case 'unclonable':
      return { value: () => 1 };
    case 'exit':
      return process.exit(3);
    case 'fault':
      setTimeout(() => {
        throw new Error('on its own');
      });
      await new Promise(() => {});
  }
}
