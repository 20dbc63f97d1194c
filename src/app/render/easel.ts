/**
 * A framebuffer in the canvas's stead: what is drawn goes there, at whatever size, and onto the canvas only when it is
 * done. A canvas itself would have to be waited for as soon as it was drawn on, by the page where there is no GPU.
 */
export class Easel {
  readonly #gl: WebGL2RenderingContext;
  readonly #canvas: HTMLCanvasElement;
  readonly #framebuffer: WebGLFramebuffer | null;
  readonly #colour: WebGLRenderbuffer | null;
  readonly #depth: WebGLRenderbuffer | null;
  /** What a drawing library takes for the canvas. */
  readonly #stand: { width: number; height: number };
  #size = { width: 0, height: 0 };

  constructor(gl: WebGL2RenderingContext, canvas: HTMLCanvasElement) {
    this.#gl = gl;
    this.#canvas = canvas;
    this.#framebuffer = gl.createFramebuffer();
    this.#colour = gl.createRenderbuffer();
    this.#depth = gl.createRenderbuffer();
    this.#stand = { width: canvas.width, height: canvas.height };
    Object.defineProperty(gl, 'canvas', { value: this.#stand });
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#framebuffer);
    for (const [buffer, point] of [
      [this.#colour, gl.COLOR_ATTACHMENT0],
      [this.#depth, gl.DEPTH_ATTACHMENT],
    ] as const) {
      gl.bindRenderbuffer(gl.RENDERBUFFER, buffer);
      gl.framebufferRenderbuffer(gl.FRAMEBUFFER, point, gl.RENDERBUFFER, buffer);
    }
    gl.bindRenderbuffer(gl.RENDERBUFFER, null);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** Has something drawn with so many pixels. */
  paint(width: number, height: number, draw: () => void): void {
    const gl = this.#gl;
    if (this.#size.width !== width || this.#size.height !== height) {
      for (const [buffer, format] of [
        [this.#colour, gl.RGBA8],
        [this.#depth, gl.DEPTH_COMPONENT24],
      ] as const) {
        gl.bindRenderbuffer(gl.RENDERBUFFER, buffer);
        gl.renderbufferStorage(gl.RENDERBUFFER, format, width, height);
      }
      gl.bindRenderbuffer(gl.RENDERBUFFER, null);
      this.#size = { width, height };
      Object.assign(this.#stand, this.#size);
    }
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#framebuffer);
    draw();
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }

  /** Puts it on the canvas, stretched to its size in pixels. */
  present(width: number, height: number): void {
    const gl = this.#gl;
    // Setting a size clears, even if it is the same.
    if (this.#canvas.width !== width) this.#canvas.width = width;
    if (this.#canvas.height !== height) this.#canvas.height = height;
    gl.bindFramebuffer(gl.READ_FRAMEBUFFER, this.#framebuffer);
    gl.bindFramebuffer(gl.DRAW_FRAMEBUFFER, null);
    const size = this.#size;
    gl.blitFramebuffer(0, 0, size.width, size.height, 0, 0, width, height, gl.COLOR_BUFFER_BIT, gl.LINEAR);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
  }
}
