/** What was measured of the presets, and how. */
export interface Measured {
  date: string;
  sample: string;
  command: string;
  /** The processor of `milliseconds`, and how busy it was. */
  machine: string;
  presets: Record<string, MeasuredPreset>;
}

/** What was measured of one preset. */
export interface MeasuredPreset {
  /** Size of the model's file. */
  bytes: number;
  /** Numbers of a vector. */
  dimensions: number;
  /** Processor time for a ready crop on one thread. */
  milliseconds: number;
  /** Equal error rates by the two sides that were compared. */
  eer: Record<'plain-plain' | 'plain-masked' | 'masked-masked', number>;
}

/** Written by bench/results.ts. */
export const measured: Measured = {
  date: '2026-11-26',
  sample:
    '2,034 photos of 700 people of Labeled Faces in the Wild (LFW), each with masks a, surgical, cloth; manifest faces',
  command: 'npm run results -- lfw-sample/',
  machine: 'AMD EPYC, 2 processors, load average 18.0',
  presets: {
    'dlib-resnet-128': {
      bytes: 22434860,
      dimensions: 128,
      milliseconds: 5.2,
      eer: { 'plain-plain': 0.0101, 'plain-masked': 0.0901, 'masked-masked': 0.0906 },
    },
    'mobilefacenet-192': {
      bytes: 5217709,
      dimensions: 192,
      milliseconds: 7.3,
      eer: { 'plain-plain': 0.00701, 'plain-masked': 0.0446, 'masked-masked': 0.0481 },
    },
    'mobilefacenet-512': {
      bytes: 4866747,
      dimensions: 512,
      milliseconds: 6.1,
      eer: { 'plain-plain': 0.00767, 'plain-masked': 0.0441, 'masked-masked': 0.0507 },
    },
  },
};
