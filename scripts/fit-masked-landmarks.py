"""Fits the map of native/face/masked_landmarks.cc, and says how good it is on people and masks that it has not seen.

    python3 scripts/fit-masked-landmarks.py <folder with a folder of photos for each person>

One photo of each person is masked in each style and searched. The landmarks that are found are then compared with those
of the bare photo. Needs NumPy, and the built program; writes native/face/masked_landmarks_table.h.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile

import numpy as np

STYLES = 'a b c d e f surgical n95 cloth duckbill gaiter respirator'.split()
DETECTORS = ['blazeface-full-range', 'hog']
# Brows and eyes: a mask leaves them free. They say where the face is.
VISIBLE = list(range(17, 27)) + list(range(36, 48))
# The points by which dlib cuts a face.
CUT = list(range(27, 55)) + list(range(60, 65))
RANK = 8
PENALTY = 3e-4
UNIT = 10_000


def maskbench(*words):
    main = os.path.join(os.path.dirname(__file__), '..', 'dist', 'cli', 'main.js')
    subprocess.run(['node', main, *words], stdout=subprocess.DEVNULL, check=True)


def to_complex(points):
    points = np.asarray(points, float)
    return points[:, 0] + 1j * points[:, 1]


def to_numbers(shape):
    return np.concatenate([shape.real, shape.imag])


def to_shape(numbers):
    return numbers[:68] + 1j * numbers[68:]


def similarity(points, reference):
    """a, b: a * points + b is nearest to the reference."""
    mean, target = points.mean(), reference.mean()
    a = np.vdot(points - mean, reference - target) / np.vdot(points - mean, points - mean).real
    return a, target - a * mean


def overlap(a, b):
    width = min(a['right'], b['right']) - max(a['left'], b['left'])
    height = min(a['bottom'], b['bottom']) - max(a['top'], b['top'])
    if width <= 0 or height <= 0:
        return 0
    area = lambda box: (box['right'] - box['left']) * (box['bottom'] - box['top'])
    return width * height / (area(a) + area(b) - width * height)


def masked_faces(photos, work, style, detector):
    """(person, landmarks of the bare face, landmarks found in the masked photo) of each photo."""
    out, results = os.path.join(work, style), os.path.join(work, f'{style}-{detector}.jsonl')
    if not os.path.exists(out):
        maskbench('mask', photos, '--out', out, '--style', style, '--color', 'random')
    people = [os.path.join(out, name) for name in sorted(os.listdir(out)) if os.path.isdir(os.path.join(out, name))]
    maskbench('detect', *people, '--detector', detector, '--out', results)
    with open(os.path.join(out, 'manifest.jsonl')) as lines:
        bare = {line['output']: line['faces'][0] for line in map(json.loads, lines) if 'output' in line}
    with open(results) as lines:
        for line in map(json.loads, lines):
            face = bare.get(os.path.relpath(line['file'], out))
            # Photos without a face have no twin.
            found = line['faces'] if face else []
            best = max(found, key=lambda each: overlap(each['box'], face['box']), default=None)
            if best and overlap(best['box'], face['box']) >= 0.3:
                person = line['file'].split(os.sep)[-2]
                yield person, to_complex(face['landmarks']), to_complex(best['landmarks'])


def mean_shape(shapes):
    """The mean of shapes laid upon each other, with the distance 1 between the eyes."""
    mean = shapes[0]
    for _ in range(5):
        laid = []
        for shape in shapes:
            a, b = similarity(shape, mean)
            laid.append(a * shape + b)
        mean = np.mean(laid, 0)
        left, right = mean[36:42].mean(), mean[42:48].mean()
        mean = (mean - (left + right) / 2) / (right - left)
    return mean


def fit(faces, mean):
    """offset, first, second: bare = mean + offset + first (second (found - mean)), by the least squares."""
    found, bare = [], []
    for _, face, seen in faces:
        a, b = similarity(seen[VISIBLE], mean[VISIBLE])
        found.append(to_numbers(a * seen + b - mean))
        bare.append(to_numbers(a * face + b - mean))
    found, bare = np.array(found), np.array(bare)
    x, y = found - found.mean(0), bare - bare.mean(0)
    weights = np.linalg.solve(x.T @ x / len(x) + PENALTY * np.eye(136), x.T @ y / len(x))
    # The directions in which the predictions vary most.
    first = np.linalg.eigh((x @ weights).T @ (x @ weights))[1][:, -RANK:]
    second = (weights @ first).T
    return bare.mean(0) - first @ (second @ found.mean(0)), first, second


def corrected(seen, mean, offset, first, second):
    a, b = similarity(seen[VISIBLE], mean[VISIBLE])
    return (mean + to_shape(offset + first @ (second @ to_numbers(a * seen + b - mean))) - b) / a


def error(face, points, mean):
    """How far a cut by these points moves the face, in distances between the eyes (root mean square)."""
    a, b = similarity(face[CUT], mean[CUT])
    c, d = similarity(points[CUT], mean[CUT])
    return np.sqrt(np.mean(np.abs(c * (mean[CUT] - b) / a + d - mean[CUT]) ** 2))


def table(name, numbers):
    values = [str(round(UNIT * value)) for value in np.ravel(numbers)]
    lines, line = [], ''
    for value in values:
        if len(line) + len(value) > 116:
            lines.append(line)
            line = ''
        line += f'{value}, ' if line else f'    {value}, '
    rows = '\n'.join(each.rstrip() for each in [*lines, line])
    return f'inline constexpr std::array<int16_t, {len(values)}> {name} = {{\n{rows}\n}};\n'


def main(folder):
    work = tempfile.mkdtemp()
    photos = os.path.join(work, 'photos')
    for person in sorted(os.listdir(folder)):
        names = sorted(os.listdir(os.path.join(folder, person))) if os.path.isdir(os.path.join(folder, person)) else []
        if names:
            os.makedirs(os.path.join(photos, person), exist_ok=True)
            shutil.copy(os.path.join(folder, person, names[0]), os.path.join(photos, person))
    faces = {
        detector: {style: list(masked_faces(photos, work, style, detector)) for style in STYLES}
        for detector in DETECTORS
    }
    people = sorted({person for person, _, _ in faces[DETECTORS[0]][STYLES[0]]})
    halves = [set(people[::2]), set(people[1::2])]
    mean = mean_shape([face for _, face, _ in faces[DETECTORS[0]]['f']])
    print('style           detector                faces   found  corrected')
    for style in STYLES:
        for detector in DETECTORS:
            before, after = [], []
            for half in halves:
                others = [
                    one
                    for each, found in faces[DETECTORS[0]].items()
                    if each != style
                    for one in found
                    if one[0] not in half
                ]
                model = fit(others, mean)
                for person, face, seen in faces[detector][style]:
                    if person in half:
                        before.append(error(face, seen, mean))
                        after.append(error(face, corrected(seen, mean, *model), mean))
            print(f'{style:15} {detector:22} {len(before):6}   {np.mean(before):.3f}  {np.mean(after):.3f}')
    offset, first, second = fit([one for found in faces[DETECTORS[0]].values() for one in found], mean)
    shutil.rmtree(work)
    with open(os.path.join(os.path.dirname(__file__), '..', 'native', 'face', 'masked_landmarks_table.h'), 'w') as file:
        file.write(f'''#ifndef MASKBENCH_FACE_MASKED_LANDMARKS_TABLE_H_
#define MASKBENCH_FACE_MASKED_LANDMARKS_TABLE_H_

// Made by scripts/fit-masked-landmarks.py.

#include <array>
#include <cstdint>

namespace maskbench {{

// clang-format off

// The x of all landmarks, then their y, in 1/{UNIT} of the distance between the eyes.
{table('kMeanShape', to_numbers(mean))}
{table('kMaskedOffset', offset)}
// {RANK} directions: what they are worth, [{RANK} x 136], and where they lead, [{RANK} x 136].
{table('kMaskedWeights', second)}
{table('kMaskedDirections', first.T)}
// clang-format on

}}  // namespace maskbench

#endif  // MASKBENCH_FACE_MASKED_LANDMARKS_TABLE_H_
''')


if __name__ == '__main__':
    main(sys.argv[1])
