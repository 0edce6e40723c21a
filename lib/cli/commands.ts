import type { Command } from 'commander';
import { benchmarkCommand } from './benchmark.js';
import { datasetCommand } from './dataset.js';
import { detectCommand } from './detect.js';
import { doctorCommand } from './doctor.js';
import { embedCommand } from './embed.js';
import { evaluateCommand } from './evaluate.js';
import { identifyCommand } from './identify.js';
import { maskCommand } from './mask.js';
import { modelsCommand } from './models.js';
import { pairsCommand } from './pairs.js';
import { scoreAllCommand } from './score-all.js';
import { stylesCommand } from './styles.js';
import { verifyCommand } from './verify.js';

/** Every command of the CLI. */
export const commands: (() => Command)[] = [
  maskCommand,
  stylesCommand,
  detectCommand,
  datasetCommand,
  pairsCommand,
  embedCommand,
  verifyCommand,
  modelsCommand,
  evaluateCommand,
  identifyCommand,
  scoreAllCommand,
  benchmarkCommand,
  doctorCommand,
];
