/** The data sets of the paper, in its order. */
export const dataSets = [
  'fei_face_original',
  'georgia_tech',
  'sof_original',
  'fei_face_frontal',
  'youtube_faces',
  'lfw',
  'in_house_dataset',
] as const;

export type DataSet = (typeof dataSets)[number];

/** What a column of a table is a measure of. */
export type Measure = 'eer' | 'fnmr100' | 'fnmr1000' | 'fnmr0';

/** One column of a published table. */
export interface PublishedColumn {
  title: string;
  measure: Measure;
  /** Score sets that it comes from; several are averaged. */
  systems: string[];
  /** In the order of {@link dataSets}, as printed. */
  values: string[];
}

/** A table as it was published. */
export interface PublishedTable {
  name: string;
  title: string;
  columns: PublishedColumn[];
  /** Known about the published numbers. */
  notes: string[];
}

/** The ensemble is the mean of these. */
export const ensemble = ['FT1', 'FT2', 'FT3'];

function table(
  name: string,
  title: string,
  columns: { title: string; measure: Measure; systems: string[] }[],
  rows: string,
  notes: string[] = [],
): PublishedTable {
  const cells = rows
    .trim()
    .split('\n')
    .map((row) => row.trim().split(/\s+/));
  return {
    name,
    title,
    notes,
    columns: columns.map((column, i) => ({ ...column, values: cells.map((row) => row[i] as string) })),
  };
}

const ofSystems = (measure: Measure, names: string[]) =>
  names.map((title) => ({ title, measure, systems: title.toLowerCase() === 'ensemble' ? ensemble : [title] }));

/** FNMR1000 and FNMR0 were published with the same numbers: of 500 impostors none may match for either. */
const fnmrRows = `0.021956 0.0499   0.045908 0.073852 0.02994  0.043912
     0.311377 0.277445 0.421158 0.377246 0.369261 0.245509
     0.533333 0.462745 0.580392 0.52549  0.57451  0.407843
     0        0        0        0        0        0
     0.41     0.446    0.292    0.374    0.286    0.318
     0.325349 0.437126 0.43513  0.303393 0.373253 0.46507
     0.05     0.05     0.025    0.1      0.05     0.025`;

/**
 * The tables of "Multi-Dataset Benchmarks for Masked Identification using Contrastive Representation Learning" (NeurIPS
 * 2021), as the README of the program that came with it prints them. Rows are {@link dataSets}.
 */
export const publishedTables: PublishedTable[] = [
  table(
    'benchmark-1',
    'Benchmark 1: EER',
    [
      { title: 'VGG19', measure: 'eer', systems: ['ImageNet_VGG19'] },
      { title: 'MobileNet', measure: 'eer', systems: ['ImageNet_MobileNet'] },
      { title: 'SENET', measure: 'eer', systems: ['VGGFace2_SENET'] },
      { title: 'VGG16', measure: 'eer', systems: ['VGGFace2_VGG16'] },
      { title: 'Proposed', measure: 'eer', systems: ['EX1.1-sigmoid'] },
    ],
    `0.363 0.356 0.49  0.304 0.031
     0.323 0.416 0.483 0.431 0.097
     0.476 0.389 0.415 0.365 0.169
     0.357 0.171 0.424 0.143 0
     0.424 0.394 0.468 0.385 0.115
     0.361 0.449 0.469 0.372 0.142
     0.288 0.244 0.425 0.288 0.038`,
    [
      'The SENET column does not follow from its published score files: the program that wrote them never loaded the weights of SENet.',
      'The program ends VGG19 in a dense layer whose weights it does not load.',
    ],
  ),
  table(
    'benchmark-2',
    'Benchmark 2: EER',
    ofSystems('eer', ['Exp1', 'CP1', 'CP2', 'FT1', 'FT2', 'FT3', 'Ensemble']).map((column) =>
      column.title === 'Exp1' ? { ...column, systems: ['EX1'] } : column,
    ),
    `0.073 0.016 0.015 0.01  0.016 0.011 0.009
     0.207 0.041 0.055 0.06  0.059 0.058 0.048
     0.187 0.073 0.071 0.058 0.069 0.067 0.061
     0     0     0     0     0     0     0
     0.156 0.053 0.051 0.042 0.056 0.046 0.041
     0.219 0.101 0.09  0.091 0.11  0.093 0.084
     0.038 0.031 0.013 0.013 0.013 0.019 0.013`,
    ['The three published columns for Exp1 differ from one another; each is printed as published.'],
  ),
  table(
    'overall',
    'Overall: Exp1 (trained on CelebA) and Ensemble (trained on four data sets)',
    [
      { title: 'Exp1 EER', measure: 'eer', systems: ['EX1.1'] },
      { title: 'Exp1 FRR100', measure: 'fnmr100', systems: ['EX1.1'] },
      { title: 'Ensemble EER', measure: 'eer', systems: ensemble },
      { title: 'Ensemble FRR100', measure: 'fnmr100', systems: ensemble },
    ],
    `0.089984 0.638723 0.008984 0.015968
     0.142884 0.93014  0.047976 0.245509
     0.195122 0.762745 0.061094 0.178431
     0.071429 0.2      0        0
     0.142902 0.904    0.040948 0.208
     0.17788  0.976048 0.08387  0.229541
     0.075    0.15     0.0125   0.025`,
  ),
  table(
    'fnmr1000',
    'Experiment 2: FNMR1000',
    ofSystems('fnmr1000', ['CP1', 'CP2', 'FT1', 'FT2', 'FT3', 'ENSEMBLE']),
    fnmrRows,
  ),
  table('fnmr0', 'Experiment 2: FNMR0', ofSystems('fnmr0', ['CP1', 'CP2', 'FT1', 'FT2', 'FT3', 'ENSEMBLE']), fnmrRows),
  table(
    'pairs-1000',
    'Result on 1000 pairs: EER',
    ofSystems('eer', ['EX1', 'CP1', 'CP2', 'FT1', 'FT2', 'FT3', 'Ensemble']),
    `0.089984 0.015988 0.01498  0.009984 0.015992 0.010988 0.008984
     0.142884 0.04096  0.054958 0.059912 0.058926 0.057922 0.047976
     0.195122 0.073194 0.070898 0.058456 0.069386 0.066527 0.061094
     0.071429 0        0        0        0        0        0
     0.142902 0.052902 0.050948 0.041936 0.05597  0.04593  0.040948
     0.17788  0.100892 0.089864 0.09087  0.109926 0.092878 0.08387
     0.075    0.03125  0.0125   0.0125   0.0125   0.01875  0.0125`,
  ),
];
