import { spawnSync } from 'node:child_process';
import path from 'node:path';

/** Compiles opencv-chain.cc into a folder; nothing, with a line that says why, where OpenCV's calib3d is not installed. */
export function buildChain(folder: string): string | undefined {
  const program = path.join(folder, 'opencv-chain');
  const source = path.join(import.meta.dirname, 'opencv-chain.cc');
  const libraries = ['calib3d', 'imgcodecs', 'imgproc', 'core'].map((name) => `-lopencv_${name}`);
  const { status } = spawnSync('g++', [
    '-O3',
    '-std=c++20',
    '-I/usr/include/opencv4',
    source,
    '-o',
    program,
    ...libraries,
  ]);
  if (status === 0) return program;
  console.log('  the chain of OpenCV calls is left out: libopencv-calib3d-dev is not installed');
  return undefined;
}

type Point = readonly [number, number];

/** Where MaskTheFace's six points lie: a and c at the height of the nose's tip, b on the bridge, d and f at that of the lip, e. */
export const sixLandmarks = [1.85, 28.5, 14.15, 11.5, 8, 4.5];

/** A landmark, or the place between two. */
export function placeOf(landmarks: readonly Point[], landmark: number): Point {
  const first = Math.floor(landmark);
  const share = landmark - first;
  const [ax, ay] = landmarks[first] as Point;
  const [bx, by] = landmarks[share > 0 ? first + 1 : first] as Point;
  return [ax + share * (bx - ax), ay + share * (by - ay)];
}

/** Runs the chain; gives its least time in milliseconds. */
export function runChain(
  program: string,
  files: { photo: string; template: string; out: string; unlit: string; alpha: string },
  points: { template: Point[]; face: Point[] },
  repeat: number,
): number {
  const numbers = [...points.template, ...points.face].flat().map(String);
  const { photo, template, out, unlit, alpha } = files;
  const { status, stdout } = spawnSync(program, [photo, template, out, unlit, alpha, String(repeat), ...numbers], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`opencv-chain ended with ${status} on ${photo}`);
  return Number(stdout);
}
