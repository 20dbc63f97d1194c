/** Which device computes: never another than the one asked for, and `auto` says which it took. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DeviceError, EncoderError } from '../../src/errors.ts';
import { autoOrder, openOnDevice, parseDevice } from '../../src/runtime/devices.ts';
import { availableDevices, openSession } from '../../src/runtime/node.ts';
import { type Device, devices } from '../../src/runtime/session.ts';
import {
  convolution,
  cudaLibraries,
  errorOf,
  inProcess,
  sentence,
  swiftShader,
  withoutVulkan,
  withSwiftShader,
} from './support.ts';

describe('the choice', () => {
  const missing = (device: Device) => new DeviceError(`device ${device}`, 'It is not there.');

  it('auto takes the first device that is there, in its order, and tries none after it', async () => {
    const subset = fc.subarray([...devices]);
    await fc.assert(
      fc.asyncProperty(subset, subset, async (known, there) => {
        const tried: Device[] = [];
        const open = async (device: Device) => {
          tried.push(device);
          if (!there.includes(device)) throw missing(device);
          return device;
        };
        const candidates = autoOrder.filter((device) => known.includes(device));
        const first = candidates.findIndex((device) => there.includes(device));
        const opened = openOnDevice('auto', known, open);
        if (first < 0) expect(await errorOf(opened)).toBeInstanceOf(DeviceError);
        else expect(await opened).toBe(candidates[first]);
        expect(tried).toEqual(first < 0 ? candidates : candidates.slice(0, first + 1));
      }),
    );
  });

  it('the order has every device once, and the CPU last', () => {
    expect([...autoOrder].sort()).toEqual([...devices].sort());
    expect(autoOrder.at(-1)).toBe('cpu');
  });

  it('a device that was named is the only one tried', async () => {
    const tried: Device[] = [];
    const open = async (device: Device) => {
      tried.push(device);
      throw missing(device);
    };
    expect(await errorOf(openOnDevice('webgpu', devices, open))).toBeInstanceOf(DeviceError);
    expect(tried).toEqual(['webgpu']);
  });

  it('a model that is wrong is wrong on every device', async () => {
    const tried: Device[] = [];
    const open = async (device: Device) => {
      tried.push(device);
      throw new EncoderError('net.onnx', 'It is empty.');
    };
    expect(await errorOf(openOnDevice('auto', devices, open))).toBeInstanceOf(EncoderError);
    expect(tried).toEqual([autoOrder[0]]);
  });

  it('names are read', () => {
    for (const name of [...devices, 'auto']) expect(parseDevice(name)).toBe(name);
    expect(() => parseDevice('gpu')).toThrow(
      new DeviceError('device gpu', 'There is no device of that name.', {
        remedy: 'Devices are cpu, webgpu, cuda, coreml, dml and auto.',
      }),
    );
  });
});

describe('a device that is not there', () => {
  it('the CPU is always there', () => {
    expect(availableDevices()).toContain('cpu');
  });

  it.each(
    devices.filter((device) => !availableDevices().includes(device)),
  )('%s: this build has it not, and those it has are named', async (device) => {
    const error = await errorOf(openSession(convolution, { device }));
    expect(error).toBeInstanceOf(DeviceError);
    expect(error.message).toMatch(sentence);
    expect(error.message).toContain(`device ${device}: `);
    expect(error.message).toContain(`Devices it has: ${availableDevices().join(', ')}.`);
  });

  const open = (device: string) => `
    const error = await openSession(models.convolution, { device: '${device}' }).catch((error) => error);
    console.log(error.name + '|' + error.message);`;

  it.skipIf(process.platform !== 'linux' || cudaLibraries)(
    'cuda without its libraries (skipped where they are installed)',
    async () => {
      const { stdout, ...rest } = await inProcess(open('cuda'));
      expect(rest).toEqual({ code: 0, signal: null, stderr: '' });
      const [name, message] = stdout.trimEnd().split('|');
      expect(name).toBe('DeviceError');
      expect(message).toMatch(sentence);
      expect(message).toContain(
        'device cuda: It is not there or does not work: Failed to load shared library.',
      );
    },
  );

  it.skipIf(process.platform !== 'linux')('webgpu without Vulkan (on Linux)', async () => {
    const { stdout, code } = await inProcess(open('webgpu'), withoutVulkan);
    expect(code).toBe(0);
    const [name, message] = stdout.trimEnd().split('|');
    expect(name).toBe('DeviceError');
    expect(message).toMatch(sentence);
    expect(message).toContain('device webgpu: ');
    expect(message).toContain('No supported adapters.');
  });

  it.skipIf(process.platform !== 'linux' || cudaLibraries)(
    'auto without any GPU: the CPU, which says so, and the engine prints nothing (on Linux without CUDA)',
    async () => {
      const script = `
        const session = await openSession(models.convolution, { device: 'auto', threads: 2 });
        const { y } = await session.run({ x: image(1, 1, 16, 16) });
        console.log(session.device, session.lanes, session.partlyOnCpu, y.dims.join());
        await session.close();`;
      const { code, stdout, stderr } = await inProcess(script, withoutVulkan);
      expect({ code, stdout }).toEqual({ code: 0, stdout: 'cpu 2 false 1,4,16,16\n' });
      // Dawn warns of the missing driver in a line of its own, which no setting prevents.
      expect(stderr).not.toContain('onnxruntime');
    },
  );
});

describe.skipIf(!swiftShader)('webgpu on SwiftShader (skipped without /usr/lib/chromium)', () => {
  /** Opens a model on two devices, runs both on the same input and prints what can be compared. */
  const compare = (model: string, device: string, dims: string) => `
    const x = () => image(${dims});
    const gpu = await openSession(models.${model}, { device: '${device}' });
    const cpu = await openSession(models.${model}, { device: 'cpu', threads: 1 });
    const runs = await Promise.all([1, 2, 3].map(() => gpu.run({ x: x() })));
    const { y } = await cpu.run({ x: x() });
    const off = runs.map((run) => Math.max(...run.y.data.map((v, i) => Math.abs(v - y.data[i]))));
    console.log(JSON.stringify({
      device: gpu.device, lanes: gpu.lanes, partlyOnCpu: gpu.partlyOnCpu, off: Math.max(...off),
      largest: Math.max(...y.data), lengths: runs.map((run) => run.y.data.length - y.data.length),
    }));
    await gpu.close();
    await cpu.close();`;

  async function compared(model: string, device: string, dims: string) {
    const { code, signal, stdout, stderr } = await inProcess(compare(model, device, dims), withSwiftShader);
    expect({ code, signal, stderr: stderr.includes('onnxruntime') }).toEqual({
      code: 0,
      signal: null,
      stderr: false,
    });
    return JSON.parse(stdout);
  }

  it('a convolution runs there alone and agrees with the CPU to 1e-5', async () => {
    const result = await compared('convolution', 'webgpu', '2, 1, 16, 16');
    expect(result).toMatchObject({ device: 'webgpu', lanes: 1, partlyOnCpu: false, lengths: [0, 0, 0] });
    expect(result.largest).toBeGreaterThan(0.1);
    expect(result.off).toBeLessThan(1e-5);
  });

  it('a model with an operator that WebGPU lacks says that it runs partly on the CPU', async () => {
    const result = await compared('partlyForCpu', 'webgpu', '1, 1, 16, 16');
    expect(result).toMatchObject({ device: 'webgpu', partlyOnCpu: true });
    expect(result.off).toBeLessThan(1e-5);
  });

  it.skipIf(cudaLibraries)('auto takes it', async () => {
    expect(await compared('convolution', 'auto', '1, 1, 16, 16')).toMatchObject({ device: 'webgpu' });
  });

  it('a model that the engine refuses is the model’s fault, not the device’s', async () => {
    const script = `
      const error = await openSession(models.unknownOperator, { device: 'webgpu' }).catch((error) => error);
      console.log(error.name);`;
    const { code, stdout } = await inProcess(script, withSwiftShader);
    expect({ code, stdout }).toEqual({ code: 0, stdout: 'EncoderError\n' });
  });

  it('a process with a session left open ends by itself', async () => {
    const script = `
      const session = await openSession(models.convolution, { device: 'webgpu' });
      await session.run({ x: image(1, 1, 16, 16) });`;
    const { code, signal } = await inProcess(script, withSwiftShader);
    expect({ code, signal }).toEqual({ code: 0, signal: null });
  });
});
