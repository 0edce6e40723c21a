/** A member of a tar. */
export interface TarMember {
  name: string;
  data: Uint8Array;
  /** The member as it stands in the tar, headers and padding included. */
  raw: Uint8Array;
  /** A regular file: no link, folder or sparse file. */
  isFile: boolean;
}

/** One photo of a {@link Source}. */
export interface StoredPhoto {
  /** Names the photo in the manifest and for random choices, such as `train.rec/17`. */
  key: string;
  /** A path on disk, or the image file's bytes. Absent: not a photo, and only a sink of the same format uses it. */
  input?: string | Uint8Array;
  /** The person in the photo, if the source says so. */
  identity?: string;
  /** Class numbers, if the source has them. */
  labels?: readonly number[];
  /** Why the photo can't be used, where that is known already. */
  problem?: string;
  /** The problem may be temporary, so a resumed run tries the photo again. */
  passing?: boolean;
  /** The photo's RecordIO record as it stands in the file, with its padding. */
  record?: Uint8Array;
  /** The photo's sample in a tar: its members, which of them is the photo, and the name of the tar. */
  sample?: { tar: string; members: TarMember[]; photo: TarMember | undefined };
}

/**
 * Where photos come from. A source of your own implements these three members; {@link openSource} makes one of a file.
 * @example
 * const source: Source = {
 *   name: 'camera',
 *   count: async () => frames.length,
 *   photos: async function* (from) {
 *     yield frames.slice(from).map(({ number, jpeg }) => ({ key: `camera/${number}`, input: jpeg }));
 *   },
 * };
 */
export interface Source {
  /** For messages. */
  name: string;
  /** The number of entries that {@link Source.photos} yields with an `input` or a `problem`; undefined: not known before. */
  count(): Promise<number | undefined>;
  /**
   * The photos, always in the same order, in groups of any size.
   * @param from Photos to leave out at the beginning, with the entries without a photo before the last of them.
   */
  photos(from: number): AsyncIterable<StoredPhoto[]>;
}

/** What a sink writes of each photo: the twin alone, or both. */
export const contents = ['twins', 'both'] as const;
export type Contents = (typeof contents)[number];

/** Where a sink has put a photo and its twin; a part of the photo's manifest line. */
export interface Placed {
  /** The masked twin, as `train.rec/17`. */
  output?: string;
  /** The photo itself. */
  copy?: string;
  /** The size of the file that was written last, once this photo's part stood in it. A resumed run cuts it there. */
  end: { file: string; bytes: number };
}

/**
 * Where twins go. A sink takes every photo of a source in order. What it has written is in files that only grow, so
 * that a run can be resumed at any photo.
 */
export interface Sink {
  /** For messages. */
  name: string;
  /**
   * Opens the output, and cuts off what was written after the last of `placed`.
   * @param placed The photos of an earlier run, in order; absent: the output is new.
   */
  open(placed?: AsyncIterable<{ input: string } & Partial<Placed>>): Promise<void>;
  /** Whether the sink takes this photo's twin; otherwise it gets the photo alone. Absent: it takes all twins. */
  wants?(photo: StoredPhoto): boolean;
  /** Takes a photo, with its twin if it was masked. It may be kept in memory until {@link Sink.flush}. */
  put(photo: StoredPhoto, twin: Uint8Array | undefined): Placed;
  /** Writes what was taken to the disk. */
  flush(): Promise<void>;
  /** Completes the output after the last photo. */
  finish(): Promise<void>;
  /** Releases files. Called once, whether or not it was finished. */
  close(): Promise<void>;
}
