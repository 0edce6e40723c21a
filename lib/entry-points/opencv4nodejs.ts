/**
 * Takes and gives Mats of opencv4nodejs and @u4/opencv4nodejs.
 * @module
 */
export { fromMat, type Mat, type MatClass, toMat } from '../image/opencv4nodejs.js';
