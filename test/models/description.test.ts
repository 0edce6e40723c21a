import test from 'ava';
import { Embedder } from 'maskbench';
import { type ModelDescription, modelDescriptionSchema, presets } from 'maskbench/models';
import { temporaryFolder } from '../support/files.js';
import { describeModel, writeModel } from '../support/models.js';

test('the JSON Schema of descriptions has what every preset has, and nothing else', (t) => {
  const { properties = {}, required = [], additionalProperties } = modelDescriptionSchema;
  t.false(additionalProperties);
  for (const preset of Object.values(presets)) {
    for (const name of Object.keys(preset)) t.true(name in properties, name);
    for (const name of required) t.true(name in preset, name);
  }
});

test('what is wrong with a description is named in one form', async (t) => {
  const model = await writeModel(temporaryFolder(t), 'model');
  const { input } = describeModel();
  const sigmoid = (...layers: unknown[]) => ({ similarity: { kind: 'sigmoid', layers } });
  const wrong: [object, RegExp][] = [
    [{ extra: 1 }, /^expected one of .*, name, input, .* for description: extra, received extra/],
    [{ name: 7 }, /^expected a text for description: name, received 7 of type number$/],
    [
      { input: { ...input, width: 7 } },
      /^expected a whole number from 8 to 4096 for description: input\.width, received 7/,
    ],
    [{ input: { ...input, mean: [1, 2] } }, /^expected three numbers for description: input\.mean, received Array/],
    [{ input: { ...input, scale: [1, 2, Number.NaN] } }, /for description: input\.scale\[2\], received NaN/],
    [{ cut: 'other' }, /^expected one of letterbox, box, align5, align68 for description: cut, received other/],
    [{ margin: 11 }, /^expected a number from 0 to 10 for description: margin, received 11/],
    [{ similarity: { kind: 'other' } }, /one of cosine, l2, inverse-l2, sigmoid for description: similarity\.kind/],
    [sigmoid(), /^expected layers of weights and bias for description: similarity\.layers/],
    [sigmoid({ weights: [1, 2, 3], bias: [1, 2] }), /^expected inputs × outputs numbers for .*layers\[0\]\.weights/],
    [sigmoid({ weights: [1, 2], bias: [1, 2] }), /^expected a last layer with one output/],
  ];
  for (const [changes, message] of wrong) {
    const description = describeModel(changes as Partial<ModelDescription>);
    await t.throwsAsync(Embedder.open({ model, description }), { code: 'INVALID_ARGUMENT', message });
  }
});
