"""RecordIO by the layout's rules alone: reads or writes a .rec and its .idx, for comparison with the package's."""
import json, struct, sys

MAGIC = struct.pack('<I', 0xCED7230A)


def read(prefix):
    data = open(prefix + '.rec', 'rb').read()
    for line in open(prefix + '.idx'):
        key, at = map(int, line.split('\t'))
        record = b''
        while True:
            assert data[at:at + 4] == MAGIC
            word, = struct.unpack('<I', data[at + 4:at + 8])
            flag, length = word >> 29, word & (2 ** 29 - 1)
            record += data[at + 8:at + 8 + length]
            at += 8 + (length + 3) // 4 * 4
            if flag in (0, 3):
                break
            record += MAGIC
        count, label, ident, ident2 = struct.unpack('<IfQQ', record[:24])
        labels = struct.unpack(f'<{count}f', record[24:24 + 4 * count]) if count else [label]
        yield {'key': key, 'flag': count, 'labels': list(labels), 'ids': [ident, ident2], 'image': record[24 + 4 * count:].hex()}


def write(prefix, records):
    with open(prefix + '.rec', 'wb') as rec, open(prefix + '.idx', 'w') as idx:
        for entry in records:
            labels = entry['labels']
            count = 0 if len(labels) == 1 else len(labels)
            head = struct.pack('<IfQQ', count, labels[0] if count == 0 else 0, entry['key'], 0)
            record = head + (struct.pack(f'<{count}f', *labels) if count else b'') + bytes.fromhex(entry['image'])
            idx.write(f"{entry['key']}\t{rec.tell()}\n")
            cuts = [at for at in range(0, len(record) - 3, 4) if record[at:at + 4] == MAGIC]
            for number, (start, end) in enumerate(zip([0] + [cut + 4 for cut in cuts], cuts + [len(record)])):
                flag = 0 if not cuts else 1 if number == 0 else 3 if number == len(cuts) else 2
                rec.write(MAGIC + struct.pack('<I', flag << 29 | end - start) + record[start:end])
            rec.write(b'\0' * (-len(record) % 4))


task = json.load(sys.stdin)
print(json.dumps(write(task['prefix'], task['records']) if 'records' in task else list(read(task['prefix']))))
